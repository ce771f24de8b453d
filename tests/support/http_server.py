"""A server of files on this machine, with the faults that a test asks for."""
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server:
    """Files by path, with the faults that a test asks for."""

    def __init__(self):
        self.files = {}
        self.etag = '"one"'
        self.cut_after = []  # per connection: bytes after which it breaks; once empty, nothing breaks
        self.status = []  # per connection: an error status to answer with
        self.ranges_work = True
        self.requests = []  # (path, Range header)
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def url(self, name):
        return f"http://127.0.0.1:{self.http.server_address[1]}/{name}"

    def close(self):
        self.http.shutdown()
        self.http.server_close()

    def _handler(self):
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                server.answer(self)

            def log_message(self, *_):
                pass

        return Handler

    def answer(self, request):
        wanted = request.headers.get("Range")
        self.requests.append((request.path[1:], wanted))
        if self.status:
            request.send_error(self.status.pop(0))
            return
        body = self.files.get(request.path[1:])
        if body is None:
            request.send_error(404)
            return
        start = 0
        if wanted and self.ranges_work and request.headers.get("If-Range", self.etag) == self.etag:
            start = int(wanted[len("bytes="):-1])
            if start >= len(body):
                request.send_response(416)
                request.send_header("Content-Range", f"bytes */{len(body)}")
                request.send_header("Content-Length", "0")
                request.end_headers()
                return
            request.send_response(206)
            request.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        else:
            request.send_response(200)
        request.send_header("ETag", self.etag)
        request.send_header("Content-Length", str(len(body) - start))
        request.end_headers()
        cut = self.cut_after.pop(0) if self.cut_after else None
        request.wfile.write(body[start:] if cut is None else body[start:start + cut])
