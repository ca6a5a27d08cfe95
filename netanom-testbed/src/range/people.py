"""Programs of the training range that Debian has no package for: small services, and the people who use them.

people.py serve PREFIX                         services on hosts of the servers' prefix
people.py HABIT SOURCE PREFIX SECONDS SEED     one person's traffic
"""

import random
import socket
import sys
import threading
import time

PEERS = range(64, 100)  # peers that answer; 100 to 127 are up without the program, 128 to 250 are silent


def port_of(host):
    return 6881 + host * 37 % 5000


def udp_server(address, port, answer):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((address, port))

    def serve():
        while True:
            data, peer = server.recvfrom(65535)
            for reply in answer(data):
                server.sendto(reply, peer)

    threading.Thread(target=serve, daemon=True).start()


def tcp_server(address, port, talk):
    server = socket.create_server((address, port), backlog=64)

    def one(client):
        try:
            talk(client, client.makefile("rb"))
        except OSError:
            pass
        finally:
            client.close()

    def serve():
        while True:
            client, _ = server.accept()
            threading.Thread(target=one, args=(client,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()


def talk_mail(client, lines):
    """A mailbox in the manner of RFC 3501: the server speaks first."""
    client.sendall(b"* OK mailbox ready\r\n")
    for line in lines:
        tag, _, command = line.partition(b" ")
        if command.upper().startswith(b"FETCH"):
            client.sendall(b"* 1 FETCH " + b"x" * random.randint(300, 9000) + b"\r\n")
        time.sleep(random.uniform(0, 0.03))
        client.sendall(tag + b" OK done\r\n")
        if command.upper().startswith(b"LOGOUT"):
            return


def talk_chat(client, lines):
    for line in lines:
        client.sendall(b"ack " + line[: random.randint(4, 40)].strip() + b"\n")


def serve(prefix):
    udp_server(prefix + "13", 123, lambda data: [data[:48]])
    udp_server(prefix + "13", 514, lambda data: [])
    udp_server(prefix + "15", 51820, lambda data: [bytes(random.choice((80, 128, 700, 1300)))] * random.randint(0, 2))
    udp_server(prefix + "15", 5004, lambda data: [data])
    for host in PEERS:
        udp_server(prefix + str(host), port_of(host), lambda data: [bytes(random.randint(60, 400))])
    tcp_server(prefix + "15", 143, talk_mail)
    tcp_server(prefix + "15", 5222, talk_chat)
    while True:
        time.sleep(60)


def udp(source, port=0):
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.bind((source, port))
    client.setblocking(False)
    return client


def drain(client):
    try:
        while True:
            client.recv(65535)
    except OSError:
        pass


def peers(source, prefix, end):
    """Peer-to-peer lookups: one socket, many peers, of which more than half never answer."""
    client = udp(source, random.randint(10000, 60000))
    known = random.sample(range(64, 251), random.randint(40, 180))
    pause = random.uniform(0.02, 0.4)
    while time.monotonic() < end:
        host = random.choice(known)
        for _ in range(random.choice((1, 1, 1, 2, 4))):
            try:
                client.sendto(bytes(random.randint(60, 140)), (prefix + str(host), port_of(host)))
            except OSError:
                pass  # a port that nothing listens at
        drain(client)
        time.sleep(random.expovariate(1 / pause))


def stream(source, prefix, end, port, sizes, rate):
    client = udp(source)
    while time.monotonic() < end:
        client.sendto(bytes(random.choice(sizes)), (prefix, port))
        drain(client)
        time.sleep(random.uniform(0.6, 1.4) / rate)


def tunnel(source, prefix, end):
    """A virtual private network: one long flow of datagrams of all sizes."""
    while time.monotonic() < end:
        burst = min(end, time.monotonic() + random.uniform(0.5, 6))
        stream(source, prefix + "15", burst, 51820, (96, 128, 400, 1200, 1300), random.uniform(5, 400))
        time.sleep(random.uniform(0.1, 2))


def voice(source, prefix, end):
    stream(source, prefix + "15", end, 5004, (172, 172, 172, 132), 50)


def clock(source, prefix, end):
    while time.monotonic() < end:
        for _ in range(random.choice((1, 1, 4))):
            stream(source, prefix + "13", time.monotonic() + 0.001, 123, (48,), 100)
        time.sleep(random.uniform(1, 8))


def log(source, prefix, end):
    """One-way datagrams that nobody answers."""
    stream(source, prefix + "13", end, 514, range(80, 500), random.uniform(0.5, 25))


def mail(source, prefix, end):
    """A mailbox that is looked into often."""
    while time.monotonic() < end:
        with socket.create_connection((prefix + "15", 143), 5, (source, 0)) as client:
            lines = client.makefile("rb")
            lines.readline()
            for number in range(random.randint(2, 9)):
                command = random.choice((b"FETCH 1", b"NOOP", b"SELECT inbox", b"FETCH 2"))
                client.sendall(b"a%d %s\r\n" % (number, command))
                while not lines.readline().startswith(b"a"):
                    pass
                time.sleep(random.uniform(0, 0.4))
            client.sendall(b"z LOGOUT\r\n")
            lines.readline()
        time.sleep(random.uniform(0.2, 6))


def chat(source, prefix, end):
    """One connection that stays, with a line now and then."""
    with socket.create_connection((prefix + "15", 5222), 5, (source, 0)) as client:
        lines = client.makefile("rb")
        while time.monotonic() < end:
            client.sendall(b"x" * random.randint(10, 200) + b"\n")
            lines.readline()
            time.sleep(random.expovariate(0.7))


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2])
    habit, source, prefix, seconds, seed = sys.argv[1:]
    random.seed(int(seed))
    habits = {"peers": peers, "tunnel": tunnel, "voice": voice, "clock": clock, "log": log, "mail": mail, "chat": chat}
    habits[habit](source, prefix, time.monotonic() + float(seconds))
