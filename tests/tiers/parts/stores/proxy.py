"""What goes to a store, told in order; and, where a test wants it so, held up, refused or lost."""

import contextlib
import http.client
import http.server
import itertools
import re
import threading
import urllib.parse

from checks import PATIENCE
from upstream import Server

# What is said of one connection alone, or is said anew here.
HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


class Request:
    """A request, and what became of it; `began` and `ended` are places in the order of all that happened."""

    def __init__(self, method, target, headers, root):
        self.method, self.headers = method, {name.lower(): value for name, value in headers.items()}
        path, _, self.query = target.partition("?")
        # Azure's client ends a container's path with a slash or not.
        self.name = urllib.parse.unquote(path).removeprefix(root).strip("/")
        self.began = self.ended = self.status = None
        self.body = b""

    def writes(self):
        """Whether an object comes of it, or a part of one: a copy too."""
        return self.method == "PUT" or (self.method == "POST" and self.query != "delete")

    def succeeded(self):
        return self.status is not None and self.status < 300

    def listed(self):
        """The prefix of the names that are to be listed; none where nothing is."""
        return "".join(urllib.parse.parse_qs(self.query).get("prefix", []))

    def removed(self):
        """The names of what is to be removed: one, or many at once."""
        if self.query == "delete":
            return re.findall(r"<Key>(.+?)</Key>", self.body.decode())
        return [self.name] if self.method == "DELETE" and not self.query else []

    def condition(self):
        given = [name for name in ["if-none-match", "if-match"] if name in self.headers]
        return "".join(f" {name}: {self.headers[name]}" for name in given)

    def __str__(self):
        # Which part is told; which upload it belongs to is a long word.
        part = re.search(r"partNumber=\d+|comp=\w+|uploads|uploadId|list-type|restype", self.query)
        copied = " by a copy" if "x-amz-copy-source" in self.headers or "x-ms-copy-source" in self.headers else ""
        query = f"?{part[0]}" if part else ""
        name = f"({', '.join(self.removed())})" if self.query == "delete" else self.name
        return f"{self.method} {name}{query}{copied}{self.condition()} -> {self.status or 'no answer'}"


class Gate:
    """Keeps a request waiting, and then loses it, so that it never reaches the store; or lets it go on."""

    def __init__(self, lets_go_on=False):
        self.reached, self.opened, self.lets_go_on = threading.Event(), threading.Event(), lets_go_on

    def __call__(self, request, forward):
        self.reached.set()
        self.opened.wait(PATIENCE)
        return forward() if self.lets_go_on else None

    def wait_for_one(self):
        if not self.reached.wait(PATIENCE):
            raise RuntimeError("no such request came")


def lost(request, forward):
    """The store does as it is asked, and its answer is lost."""
    forward()


def refused(status, applied):
    """The store answers with an error, having done as it was asked or not."""

    def meet(request, forward):
        if applied:
            forward()
        return status, [], b""

    return meet


class Proxy:
    """A proxy in front of a store, on a loopback port until it is stopped."""

    def __init__(self, port, root):
        self.port, self.root = port, root
        self.order = itertools.count(1)
        self.logs, self.meetings, self.lock = [], [], threading.Lock()
        self.server = BusyServer(("127.0.0.1", 0), self.handler())
        self.origin = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    @contextlib.contextmanager
    def recording(self):
        """The requests that come meanwhile, in the order in which they came."""
        log = []
        self.logs.append(log)
        try:
            yield log
        finally:
            self.logs.remove(log)

    @contextlib.contextmanager
    def meeting(self, matches, meet, times=1):
        """Meanwhile the first requests that match are met so. Gives those that were."""
        met = []
        meeting = (matches, meet, times, met)
        self.meetings.append(meeting)
        try:
            yield met
        finally:
            self.meetings.remove(meeting)
            if isinstance(meet, Gate):
                meet.opened.set()

    def begins(self, request):
        """Takes note of a request; gives what is to be done with it, if anything is."""
        with self.lock:
            request.began = next(self.order)
            for log in self.logs:
                log.append(request)
            for matches, meet, times, met in self.meetings:
                if len(met) < times and matches(request):
                    met.append(request)
                    return meet
        return lambda request, forward: forward()

    def forward(self, method, target, headers, body):
        """What the store answers; none where it breaks off."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                if name.lower() not in HOP:
                    connection.putheader(name, value)
            connection.putheader("content-length", str(len(body)))
            connection.endheaders(body)
            reply = connection.getresponse()
            try:
                return reply.status, reply.getheaders(), reply.read()
            except (http.client.IncompleteRead, ConnectionError):
                return None

    def handler(self):
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def answer(self):
                request = Request(self.command, self.path, self.headers, proxy.root)
                size = int(self.headers.get("content-length", 0))
                request.body = self.rfile.read(size)
                if len(request.body) < size:
                    # Whoever asked has gone.
                    self.close_connection = True
                    return
                meet = proxy.begins(request)
                reply = meet(request, lambda: proxy.forward(self.command, self.path, self.headers, request.body))
                request.status = reply and reply[0]
                request.ended = next(proxy.order)
                if reply:
                    self.reply(*reply)
                else:
                    self.close_connection = True

            def reply(self, status, headers, body):
                self.send_response_only(status)
                has_no_body = self.command == "HEAD" or status in (204, 304)
                for name, value in headers:
                    if name.lower() not in HOP or (has_no_body and name.lower() == "content-length"):
                        self.send_header(name, value)
                if not has_no_body:
                    self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer

            def log_message(self, *_):
                pass

        return Handler


class BusyServer(Server):
    request_queue_size = 256
