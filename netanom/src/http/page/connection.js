// The way to the sensor: requests, the stream of events, the token, and coming back when it was lost.

const TOKEN = "netanom-token";
let waitingForToken = null;

function headers(more = {}) {
  const token = sessionStorage.getItem(TOKEN);
  return token ? { ...more, Authorization: `Bearer ${token}` } : more;
}

/** Asks the person for the token, once for all who wait for it. */
function askForToken() {
  waitingForToken ??= new Promise((resolve) => {
    const dialog = document.getElementById("log-in");
    const input = document.getElementById("token");
    const done = () => {
      if (!input.value) {
        dialog.showModal();
        return;
      }
      dialog.removeEventListener("close", done);
      sessionStorage.setItem(TOKEN, input.value.trim());
      input.value = "";
      waitingForToken = null;
      resolve();
    };
    dialog.addEventListener("close", done);
    dialog.showModal();
  });
  return waitingForToken;
}

async function request(path, options = {}) {
  for (;;) {
    const response = await fetch(path, { ...options, headers: headers(options.headers) });
    if (response.status !== 401) return response;
    sessionStorage.removeItem(TOKEN);
    await askForToken();
  }
}

/** The answer as JSON; an error carries the sensor's words and its whole answer. */
export async function ask(path, options) {
  const response = await request(path, options);
  const answer = await response.json();
  if (!response.ok && !(path === "/readyz" && response.status === 503)) {
    const error = new Error(answer.error ?? `the sensor answered ${response.status}`);
    error.status = response.status;
    error.answer = answer;
    throw error;
  }
  return answer;
}

export const post = (path, body) =>
  ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

const SILENT = 20_000; // the sensor says something every 15 s at least
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Follows /events for ever. `told` gets each update, `state` "open" or "lost" with the reason. */
export async function follow(told, state) {
  let wait = 1000;
  for (;;) {
    const abort = new AbortController();
    let watch = setTimeout(() => abort.abort(), SILENT);
    try {
      const response = await request("/events", { signal: abort.signal });
      if (!response.ok) throw new Error((await response.json()).error);
      state("open");
      wait = 1000;
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) throw new Error("the sensor ended the stream");
        clearTimeout(watch);
        watch = setTimeout(() => abort.abort(), SILENT);
        rest += value;
        for (let end = rest.indexOf("\n\n"); end >= 0; end = rest.indexOf("\n\n")) {
          const event = read(rest.slice(0, end));
          rest = rest.slice(end + 2);
          if (event.name === "missed") throw new Error("this browser was too slow");
          if (event.name === "update") told(JSON.parse(event.data));
        }
      }
    } catch (error) {
      state("lost", error.name === "AbortError" ? "the sensor says nothing" : error.message);
    } finally {
      clearTimeout(watch);
      abort.abort();
    }
    await pause(wait);
    wait = Math.min(wait * 2, 15_000);
  }
}

function read(block) {
  const event = { name: "", data: "" };
  for (const line of block.split("\n")) {
    if (line.startsWith("event: ")) event.name = line.slice(7);
    if (line.startsWith("data: ")) event.data += line.slice(6);
  }
  return event;
}
