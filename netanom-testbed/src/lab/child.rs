//! Programs that run beside the lab: their words are passed on, and they end with it, by their own process id.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{self, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use xtask::command;

/// How long a program may take to end itself before it is killed.
const PATIENCE: Duration = Duration::from_secs(5);
const STEP: Duration = Duration::from_millis(20);

/// A running program, ended when this is dropped.
pub(super) struct Child {
    name: &'static str,
    process: process::Child,
    output: Option<JoinHandle<String>>,
    errors: Option<JoinHandle<()>>,
    last_words: Arc<Mutex<String>>,
}

impl Child {
    /// Starts a program. Each line of its standard error goes through `hear`, which says whether it is shown.
    ///
    /// It gets a process group of its own: Ctrl-C reaches the lab alone, which then ends its programs in order.
    pub(super) fn start(
        name: &'static str,
        command: &mut Command,
        mut hear: impl FnMut(&str) -> bool + Send + 'static,
    ) -> anyhow::Result<Self> {
        let text = command::shown(command);
        eprintln!("$ {text}");
        let command = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = command
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot run `{text}`"))?;
        let output = process.stdout.take().map(|mut stdout| {
            thread::spawn(move || {
                let mut text = String::new();
                // What is no text is no report either: who reads it sees that it is cut.
                let _ = stdout.read_to_string(&mut text);
                text
            })
        });
        let last_words = Arc::new(Mutex::new(String::new()));
        let last = Arc::clone(&last_words);
        let errors = process.stderr.take().map(|stderr| {
            thread::spawn(move || {
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    if hear(&line) {
                        eprintln!("{name}: {line}");
                    }
                    *last.lock().unwrap_or_else(PoisonError::into_inner) = line;
                }
            })
        });
        Ok(Self {
            name,
            process,
            output,
            errors,
            last_words,
        })
    }

    /// Its exit status, if it has ended.
    pub(super) fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        self.process
            .try_wait()
            .with_context(|| format!("cannot ask for the end of {}", self.name))
    }

    /// All that it printed on standard output, once it has ended well.
    pub(super) fn into_output(mut self) -> anyhow::Result<String> {
        let status = self
            .process
            .wait()
            .with_context(|| format!("cannot wait for {}", self.name))?;
        if !status.success() {
            let last_words = self.last_words();
            bail!("{} failed ({status}): {last_words}", self.name);
        }
        let output = self.output.take().and_then(|reader| reader.join().ok());
        Ok(output.unwrap_or_default())
    }

    /// The last line of its standard error, all of which is there once it has ended.
    pub(super) fn last_words(&mut self) -> String {
        if let Some(reader) = self
            .errors
            .take_if(|_| matches!(self.process.try_wait(), Ok(Some(_))))
        {
            let _ = reader.join();
        }
        self.last_words
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Asks it to end, and kills it if it does not.
    pub(super) fn stop(&mut self) {
        let mut waited = Duration::ZERO;
        while matches!(self.process.try_wait(), Ok(None)) {
            if waited.is_zero() {
                self.terminate();
            } else if waited > PATIENCE {
                eprintln!("lab: {} does not end: killing it", self.name);
                let _ = self.process.kill();
                let _ = self.process.wait();
                break;
            }
            thread::sleep(STEP);
            waited += STEP;
        }
        if let Some(reader) = self.errors.take() {
            let _ = reader.join();
        }
    }

    /// The process is not waited for yet, so its id is still its own.
    fn terminate(&self) {
        if let Ok(id) = i32::try_from(self.process.id()) {
            let _ = kill(Pid::from_raw(id), Signal::SIGTERM);
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.stop();
    }
}
