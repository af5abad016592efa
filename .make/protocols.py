#!/usr/bin/env python3
"""TLS, HTTP/2 and open connections: Weir beside nginx, on one machine and in one run.

Processor time of the proxy's own processes for each request, as a ratio to nginx, for HTTP/1.1, HTTP/1.1 over TLS,
HTTP/2 over TLS and HTTP/2 without TLS; then the memory of each idle connection. Proxies have one worker on core
0; load and backend share core 1. Needs nginx, wrk and h2load (apt-get install nginx wrk nghttp2-client).

  .make/protocols.py target/release/weir [--rounds 5] [--seconds 6] [--connections 10000]
"""
import argparse
import json
import os
import resource
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.request

HZ = os.sysconf("SC_CLK_TCK")
BACKEND, NGINX, WEIR = 9000, 9100, 9200
PLAIN, TLS, H2C, ADMIN, STATUS = 0, 1, 2, 3, 4

BACKEND_CONF = """worker_processes 1; daemon off; pid {tmp}/backend.pid; error_log {tmp}/backend.err;
events {{ worker_connections 20000; }}
http {{ access_log off; keepalive_requests 1000000000; keepalive_timeout 3600s;
 server {{ listen 127.0.0.1:{backend} backlog=4096;
  location / {{ default_type application/json; return 200 '{{"hello":"world","payload":"{fill}"}}'; }} }} }}
"""
NGINX_CONF = """worker_processes 1; daemon off; pid {tmp}/nginx.pid; error_log {tmp}/nginx.err;
worker_rlimit_nofile 40000;
events {{ worker_connections 20000; }}
http {{ access_log off; keepalive_requests 1000000000; keepalive_timeout 3600s;
 http2_max_requests 1000000000; ssl_certificate {tmp}/cert.pem; ssl_certificate_key {tmp}/key.pem;
 upstream b {{ server 127.0.0.1:{backend}; keepalive 512; keepalive_requests 1000000000; }}
 server {{
  listen 127.0.0.1:{plain} backlog=4096; listen 127.0.0.1:{tls} ssl http2 backlog=4096;
  listen 127.0.0.1:{h2c} http2 backlog=4096;
  location / {{ proxy_pass http://b; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
   proxy_set_header X-Real-IP $remote_addr; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; }} }} }}
"""


def tree(pid):
    """`pid` and all its descendants."""
    pids = [pid]
    for task in os.listdir(f"/proc/{pid}/task"):
        for child in open(f"/proc/{pid}/task/{task}/children").read().split():
            pids += tree(int(child))
    return pids


def cpu_seconds(pid):
    fields = (open(f"/proc/{one}/stat").read().rsplit(")", 1)[1].split() for one in tree(pid))
    return sum(int(field[11]) + int(field[12]) for field in fields) / HZ


def memory_kib(pid):
    lines = (line for one in tree(pid) for line in open(f"/proc/{one}/status") if line.startswith("VmRSS"))
    return sum(int(line.split()[1]) for line in lines)


def start(command, core, **settings):
    return subprocess.Popen(["taskset", "-c", str(core), *command], stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL, env={**os.environ, **settings})


def wait_for(port):
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"nothing listens on port {port}")


def put(path, body):
    url = f"http://127.0.0.1:{WEIR + ADMIN}{path}"
    headers = {"content-type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers, method="PUT")).read()


def load(kind, port, seconds):
    """Requests answered; the load generator shares core 1 with the backend."""
    if kind.startswith("HTTP/1.1"):
        scheme = "https" if "TLS" in kind else "http"
        command = ["wrk", "-t1", "-c32", f"-d{seconds}s", f"{scheme}://127.0.0.1:{port}/"]
        said = subprocess.run(["taskset", "-c", "1", *command], capture_output=True, text=True, check=True).stdout
        assert "Non-2xx" not in said, said
        return next(int(line.split()[0]) for line in said.splitlines() if "requests in" in line)
    scheme = "https" if "TLS" in kind else "http"
    command = ["h2load", "-t1", "-c32", "-m4", "-D", str(seconds), f"{scheme}://127.0.0.1:{port}/"]
    said = subprocess.run(["taskset", "-c", "1", *command], capture_output=True, text=True, check=True).stdout
    line = next(line for line in said.splitlines() if line.startswith("status codes:"))
    return int(line.split()[2])


def microseconds(proxy, kind, port, seconds):
    before = cpu_seconds(proxy)
    answered = load(kind, port, seconds)
    return (cpu_seconds(proxy) - before) / max(answered, 1) * 1e6


def connections(proxy, port, count):
    """KiB of memory for each of `count` connections that have had one answer and are idle."""
    before = memory_kib(proxy)
    request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    held = []
    for number in range(count):
        one = socket.socket()
        one.bind((f"127.0.0.{2 + number % 4}", 0))
        one.connect(("127.0.0.1", port))
        one.sendall(request)
        assert one.recv(65536).startswith(b"HTTP/1.1 200"), "a connection was refused"
        held.append(one)
    time.sleep(1)
    after = memory_kib(proxy)
    for one in held:
        one.close()
    return (after - before) / count, after / 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("weir")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=6)
    parser.add_argument("--connections", type=int, default=10000)
    asked = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 40000), most))
    tmp = tempfile.mkdtemp()
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", "/CN=localhost", "-keyout", f"{tmp}/key.pem", "-out", f"{tmp}/cert.pem"],
                   check=True, capture_output=True)
    names = {"tmp": tmp, "backend": BACKEND, "fill": "x" * 60,
             "plain": NGINX + PLAIN, "tls": NGINX + TLS, "h2c": NGINX + H2C}
    for name, text in (("backend", BACKEND_CONF), ("nginx", NGINX_CONF)):
        with open(f"{tmp}/{name}.conf", "w") as file:
            file.write(text.format(**names))
    address = [f"127.0.0.1:{WEIR + offset}" for offset in range(5)]
    listen = f"{address[PLAIN]}, {address[TLS]} http2 ssl, {address[H2C]} http2"
    running = [
        start(["nginx", "-p", tmp, "-c", f"{tmp}/backend.conf"], 1),
        start(["nginx", "-p", tmp, "-c", f"{tmp}/nginx.conf"], 0),
        start([asked.weir, "start"], 0, WEIR_PREFIX=f"{tmp}/weir", WEIR_WORKERS="1", WEIR_PROXY_ACCESS_LOG="off",
              WEIR_PROXY_LISTEN=listen, WEIR_ADMIN_LISTEN=address[ADMIN], WEIR_STATUS_LISTEN=address[STATUS],
              WEIR_SSL_CERT=f"{tmp}/cert.pem", WEIR_SSL_CERT_KEY=f"{tmp}/key.pem"),
    ]
    try:
        for port in (BACKEND, NGINX, WEIR + ADMIN):
            wait_for(port)
        put("/services/backend", {"url": f"http://127.0.0.1:{BACKEND}"})
        put("/routes/all", {"paths": ["/"], "service": {"name": "backend"}})
        time.sleep(1)
        proxies = {"nginx": (running[1].pid, NGINX), "weir": (running[2].pid, WEIR)}
        print(f"{'':22} {'nginx':>10} {'weir':>10}  ratio")
        for kind, offset in (("HTTP/1.1", PLAIN), ("HTTP/1.1, TLS", TLS), ("HTTP/2, TLS", TLS), ("HTTP/2", H2C)):
            found = {name: [] for name in proxies}
            for _ in range(asked.rounds):
                for name, (pid, port) in proxies.items():
                    found[name].append(microseconds(pid, kind, port + offset, asked.seconds))
            nginx, weir = (statistics.median(found[name]) for name in ("nginx", "weir"))
            print(f"{kind:22} {nginx:7.1f} us {weir:7.1f} us  x{weir / nginx:.2f}", flush=True)
        for count in (1000, asked.connections):
            found = {name: connections(pid, port, count) for name, (pid, port) in proxies.items()}
            for name, (each, whole) in found.items():
                print(f"{count} idle connections, {name}: {each:.1f} KiB each, {whole:.0f} MiB in all", flush=True)
            time.sleep(2)
    finally:
        for one in running:
            one.terminate()
        for one in running:
            one.wait()
        shutil.rmtree(tmp)


if __name__ == "__main__":
    main()
