"""A gRPC server and a client that tries it, in the implementation of the gRPC project.

    grpc_peer.py serve                     prints its port, then serves
    grpc_peer.py try ADDRESS [CERTIFICATE] runs all cases, over TLS if the server's certificate is given; prints
                                           what failed

Messages are bytes: what is in them is not the gateway's business.
"""

import concurrent.futures
import sys
import threading
import time

import grpc

PATIENCE = 60


class Echo(grpc.GenericRpcHandler):
    def __init__(self):
        self.cancelled = 0

    def service(self, details):
        name = details.method.rsplit("/", 1)[-1]
        unary, stream = grpc.unary_unary_rpc_method_handler, grpc.stream_unary_rpc_method_handler
        return {
            "Unary": unary(self.unary),
            "Fail": unary(self.fail),
            "Slow": unary(self.slow),
            "Remaining": unary(lambda _, context: str(context.time_remaining()).encode()),
            "Cancelled": unary(lambda _, context: str(self.cancelled).encode()),
            "Collect": stream(self.collect),
            "Split": grpc.unary_stream_rpc_method_handler(self.split),
            "Chat": grpc.stream_stream_rpc_method_handler(self.chat),
            "Breaks": grpc.unary_stream_rpc_method_handler(self.breaks),
        }.get(name)

    def unary(self, request, context):
        sent = dict(context.invocation_metadata())
        context.send_initial_metadata([("x-out", sent.get("x-in", "none"))])
        context.set_trailing_metadata([("x-trail-bin", sent.get("x-in-bin", b"none")), ("x-trail", "1")])
        return request

    def fail(self, request, context):
        context.set_trailing_metadata([("detail-bin", bytes(range(256)))])
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "50 % of \u00fcber")

    def slow(self, request, context):
        done = threading.Event()
        context.add_callback(done.set)
        if done.wait(PATIENCE):
            self.cancelled += 1
        return request

    def collect(self, requests, context):
        return str(sum(len(request) for request in requests)).encode()

    def split(self, request, context):
        for number in range(int(request)):
            yield str(number).encode()

    def chat(self, requests, context):
        for request in requests:
            yield b"re: " + request

    def breaks(self, request, context):
        yield b"one"
        context.abort(grpc.StatusCode.DATA_LOSS, "no more")


def serve():
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(64))
    server.add_generic_rpc_handlers([Echo()])
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    server.wait_for_termination()


class Cases:
    def __init__(self, address, certificate):
        if certificate:
            credentials = grpc.ssl_channel_credentials(open(certificate, "rb").read())
            names = [("grpc.ssl_target_name_override", "localhost")]
            self.channel = grpc.secure_channel(address, credentials, names)
        else:
            self.channel = grpc.insecure_channel(address)

    def call(self, method, kind="unary_unary"):
        return getattr(self.channel, kind)(method)

    def error(self, method, request=b"", **options):
        try:
            self.call(method)(request, timeout=PATIENCE, **options)
        except grpc.RpcError as error:
            return error
        raise AssertionError(f"{method} did not fail")

    def unary(self):
        assert self.call("/t.Echo/Unary")(b"hello", timeout=PATIENCE) == b"hello"
        assert self.call("/t.Echo/Unary")(b"", timeout=PATIENCE) == b""

    def large_messages(self):
        large = b"x" * (3 << 20)
        assert self.call("/t.Echo/Unary")(large, timeout=PATIENCE) == large

    def metadata(self):
        raw = bytes(range(256))
        sent = [("x-in", "a, b"), ("x-in-bin", raw)]
        _, call = self.call("/t.Echo/Unary").with_call(b"", metadata=sent, timeout=PATIENCE)
        first, last = dict(call.initial_metadata()), dict(call.trailing_metadata())
        assert first["x-out"] == "a, b", first
        assert last["x-trail-bin"] == raw and last["x-trail"] == "1", last
        assert "x-kong-proxy-latency" in first, first

    def errors_with_details(self):
        error = self.error("/t.Echo/Fail")
        assert error.code() == grpc.StatusCode.FAILED_PRECONDITION, error
        assert error.details() == "50 % of \u00fcber", error.details()
        assert dict(error.trailing_metadata())["detail-bin"] == bytes(range(256))

    def unimplemented(self):
        assert self.error("/t.Echo/Nothing").code() == grpc.StatusCode.UNIMPLEMENTED

    def deadlines(self):
        remaining = float(self.call("/t.Echo/Remaining")(b"", timeout=50))
        assert 0 < remaining < 51, remaining
        began = time.monotonic()
        try:
            self.call("/t.Echo/Slow")(b"", timeout=0.5)
            raise AssertionError("no deadline")
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED, error
        assert time.monotonic() - began < 30

    def cancellation(self):
        count = lambda: int(self.call("/t.Echo/Cancelled")(b"", timeout=PATIENCE))
        before = count()
        call = self.call("/t.Echo/Slow").future(b"", timeout=PATIENCE)
        time.sleep(0.5)
        call.cancel()
        for _ in range(300):
            if count() > before:
                return
            time.sleep(0.1)
        raise AssertionError("the server did not hear of it")

    def client_streaming(self):
        requests = (b"x" * 10_000 for _ in range(100))
        assert self.call("/t.Echo/Collect", "stream_unary")(requests, timeout=PATIENCE) == b"1000000"

    def server_streaming(self):
        answers = list(self.call("/t.Echo/Split", "unary_stream")(b"1000", timeout=PATIENCE))
        assert answers == [str(number).encode() for number in range(1000)], len(answers)

    def a_stream_that_breaks(self):
        answers = self.call("/t.Echo/Breaks", "unary_stream")(b"", timeout=PATIENCE)
        assert next(answers) == b"one"
        try:
            next(answers)
            raise AssertionError("no error")
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.DATA_LOSS and error.details() == "no more", error

    def bidirectional(self):
        # The next question is asked when the last answer has come: what is held back would be seen.
        turn = threading.Semaphore(1)

        def ask():
            for number in range(100):
                turn.acquire()
                yield str(number).encode()

        answers = self.call("/t.Echo/Chat", "stream_stream")(ask(), timeout=PATIENCE)
        for number in range(100):
            assert next(answers) == b"re: " + str(number).encode()
            turn.release()
        assert list(answers) == []

    def many_at_once(self):
        call = self.call("/t.Echo/Unary")
        calls = [call.future(str(number).encode(), timeout=PATIENCE) for number in range(300)]
        assert [each.result() for each in calls] == [str(number).encode() for number in range(300)]

    def refused_by_a_plugin(self):
        error = self.error("/locked.Echo/Unary")
        assert error.code() == grpc.StatusCode.UNAUTHENTICATED, error
        assert self.call("/locked.Echo/Unary")(b"a", metadata=[("apikey", "secret")], timeout=PATIENCE) == b"a"

    def no_route(self):
        assert self.error("/nowhere.Echo/Unary").code() == grpc.StatusCode.NOT_FOUND

    def no_upstream(self):
        assert self.error("/away.Echo/Unary").code() == grpc.StatusCode.INTERNAL


def attempt(address, certificate=None):
    failed = 0
    for name in [name for name in vars(Cases) if name not in ("call", "error") and name[0] != "_"]:
        try:
            getattr(Cases(address, certificate), name)()
            print(f"ok {name}", flush=True)
        except Exception as error:  # what it is stands in the report
            failed += 1
            print(f"FAILED {name}: {type(error).__name__} {error}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve()
    else:
        attempt(*sys.argv[2:])
