"""Chromium without a window, driven through WebDriver (https://www.w3.org/TR/webdriver2/) and chromedriver."""
import json
import re
import shutil
import subprocess
import urllib.request

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1280,900",
)


class Browser:
    """Context manager. `folder` holds the profile, which begins empty."""

    def __init__(self, folder):
        self._folder = folder

    def __enter__(self):
        self._driver = subprocess.Popen([DRIVER, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        text=True)
        try:
            self._start_session()
        except BaseException:
            self._stop_driver()
            raise
        return self

    def _start_session(self):
        port = next(found[1] for line in self._driver.stdout
                    if (found := re.search(r"successfully on port (\d+)", line)))
        self._address = f"http://127.0.0.1:{port}/session"
        options = {"binary": CHROMIUM, "args": [*ARGUMENTS, f"--user-data-dir={self._folder}"]}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options,
                  "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
        session = self._call("POST", "", {"capabilities": {"alwaysMatch": wanted}})
        self._address += f"/{session['sessionId']}"
        self._call("POST", "/url", {"url": "about:blank"})
        self.requested()  # what Chromium's own first page asked for

    def __exit__(self, *_):
        try:
            self._call("DELETE", "")
        finally:
            self._stop_driver()

    def _stop_driver(self):
        self._driver.terminate()
        self._driver.communicate()

    def _call(self, method, path, content=None):
        data = None if content is None else json.dumps(content).encode()
        # Without a proxy: this stays on the machine.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        request = urllib.request.Request(self._address + path, data, {"Content-Type": "application/json"},
                                         method=method)
        with opener.open(request, timeout=120) as answer:
            return json.load(answer)["value"]

    def open(self, path):
        """Opens a file and waits until it is loaded."""
        self._call("POST", "/url", {"url": path.absolute().as_uri()})

    def run(self, script):
        """The value that JavaScript returns."""
        return self._call("POST", "/execute/sync", {"script": script, "args": []})

    def console(self):
        """Messages of the console since the last call."""
        return [entry["message"] for entry in self._call("POST", "/se/log", {"type": "browser"})]

    def requested(self):
        """Addresses of all that the pages asked for since the last call."""
        messages = [json.loads(entry["message"])["message"] for entry in
                    self._call("POST", "/se/log", {"type": "performance"})]
        return [message["params"]["request"]["url"] for message in messages
                if message["method"] == "Network.requestWillBeSent"]
