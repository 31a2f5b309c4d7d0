# SPDX-License-Identifier: GPL-2.0
"""Use what Python programs use of the kernel; print what came of it."""
import asyncio
import hashlib
import multiprocessing
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading


def square(n):
    return n * n


def threads():
    total, lock = [0], threading.Lock()

    def add():
        for _ in range(1000):
            with lock:
                total[0] += 1

    pool = [threading.Thread(target=add) for _ in range(8)]
    for t in pool:
        t.start()
    for t in pool:
        t.join()
    return total[0]


def database():
    with tempfile.NamedTemporaryFile() as f:
        db = sqlite3.connect(f.name)
        db.execute("CREATE TABLE t (n INTEGER)")
        db.executemany("INSERT INTO t VALUES (?)", [(i,) for i in range(100)])
        db.commit()
        return db.execute("SELECT sum(n) FROM t").fetchone()[0]


def sockets():
    a, b = socket.socketpair()
    a.sendall(b"through a socket")
    return b.recv(100).decode()


async def tasks():
    async def one(n):
        await asyncio.sleep(0.01 * n)
        return n

    return sum(await asyncio.gather(*(one(n) for n in range(10))))


def alarm():
    rang = []
    signal.signal(signal.SIGALRM, lambda *_: rang.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    signal.pause()
    return len(rang)


if __name__ == "__main__":
    print("hello world from Python", sys.version_info.major)
    print("threads", threads())
    print("database", database())
    print("sockets", sockets())
    print("tasks", asyncio.run(tasks()))
    print("alarm", alarm())
    print("child", subprocess.run([sys.executable, "-c", "print(6 * 7)"],
                                  capture_output=True, check=True).stdout.decode().strip())
    with multiprocessing.Pool(2) as pool:
        print("processes", sum(pool.map(square, range(20))))
    print("hash", hashlib.sha256(b"lupine").hexdigest()[:16])
    try:
        open("/no/such/file")
    except FileNotFoundError as e:
        print("error", e.errno)
