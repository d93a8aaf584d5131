"""Drives the sandbox with Twilio's official Python package, unmodified but for the address it talks to. Signatures are
checked by the package's own RequestValidator."""

import datetime
import json
import os
import queue
import threading
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client

OURS, PHONE = "+12065550190", "+12065550150"
SERVICE = "MG0123456789abcdef0123456789abcdef"
HOUR = datetime.timedelta(hours=1)
REPLY = "<Response><Message>Tom &amp; Jerry</Message></Response>"


class Sandbox(TwilioHttpClient):
    """The package's own client, sent to another host."""

    def __init__(self, base):
        super().__init__()
        self.base = base

    def request(self, method, url, *rest, **options):
        return super().request(method, url.replace("https://api.twilio.com", self.base), *rest, **options)


class Webhooks(ThreadingHTTPServer):
    """Takes what is signed, hands it on, answers texts with TwiML."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.base = "http://127.0.0.1:%d" % self.server_port
        self.hits, self.validator = queue.Queue(), None
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def wait(self):
        return self.hits.get(timeout=20)


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        params = dict(urllib.parse.parse_qsl(body, keep_blank_values=True))
        signature = self.headers.get("X-Twilio-Signature", "")
        valid = self.server.validator.validate(self.server.base + self.path, params, signature)
        self.server.hits.put((self.path, params, valid))
        answer = REPLY.encode() if self.path == "/sms" else b""
        self.send_response(200)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def control(base, path, data=None):
    headers = {"Content-Type": "application/json"}
    body = json.dumps(data).encode() if data is not None else None
    with urllib.request.urlopen(urllib.request.Request(base + path, body, headers), timeout=30) as answer:
        return json.loads(answer.read() or b"null")


def refused(act):
    try:
        act()
    except TwilioRestException as error:
        return error.status, error.code
    raise AssertionError("was not refused")


def main(base):
    hooks = Webhooks()
    account = control(base, "/sandbox/accounts", {
        "numbers": [{"phone_number": OURS, "sms_url": hooks.base + "/sms"}],
        "services": [{"sid": SERVICE, "numbers": [OURS]}],
    })
    hooks.validator = RequestValidator(account["auth_token"])
    client = Client(account["sid"], account["auth_token"], http_client=Sandbox(base))
    message = sends_and_is_told(client, hooks, base)
    lists(client, base)
    reads_media_and_account(client, hooks, account["sid"])
    withdraws(client, message)
    is_refused(client, base, account["sid"])
    receives(client, hooks, base, account["sid"])
    print("the official Python package drives the sandbox: all well")


def sends_and_is_told(client, hooks, base):
    status_url = hooks.base + "/status?attempt=1&x=a%20b"
    message = client.messages.create(to=PHONE, from_=OURS, body="Zażółć & 50% + 😀", status_callback=status_url)
    assert (message.status, message.direction, message.num_segments) == ("queued", "outbound-api", "1"), message.status
    assert message.price is None and isinstance(message.date_created, datetime.datetime)
    told = [hooks.wait() for _ in range(2)]
    assert [params["MessageStatus"] for _, params, _ in told] == ["sent", "delivered"], told
    assert all(valid and params["MessageSid"] == message.sid for _, params, valid in told), told
    control(base, "/sandbox/idle?timeout_ms=15000")
    fetched = client.messages(message.sid).fetch()
    assert (fetched.status, fetched.price, fetched.price_unit) == ("delivered", "-0.00790", "USD")
    assert isinstance(fetched.date_sent, datetime.datetime)
    return fetched


def lists(client, base):
    for number in range(7):
        client.messages.create(to="+12065550151", from_=OURS, body=str(number))
    control(base, "/sandbox/idle?timeout_ms=15000")
    streamed = [found.body for found in client.messages.stream(to="+12065550151", page_size=3)]
    assert streamed == ["6", "5", "4", "3", "2", "1", "0"], streamed
    page = client.messages.page(page_size=3)
    assert len(list(page)) == 3 and len(list(page.next_page())) == 3
    assert len(list(page.next_page().previous_page())) == 3
    now = datetime.datetime.now(datetime.timezone.utc)
    assert len(client.messages.list(date_sent_after=now - HOUR, date_sent_before=now + HOUR)) == 8
    assert client.messages.list(date_sent_after=now + HOUR) == []


def reads_media_and_account(client, hooks, account):
    picture = client.messages.create(to=PHONE, from_=OURS, media_url=["https://a.example/1.png"])
    assert picture.sid.startswith("MM") and picture.num_media == "1"
    media = client.messages(picture.sid).media.list()
    assert [found.content_type for found in media] == ["image/png"]
    assert client.messages(picture.sid).media(media[0].sid).fetch().parent_sid == picture.sid
    assert client.api.v2010.accounts(account).fetch().status == "active"
    [number] = client.incoming_phone_numbers.list(phone_number=OURS)
    assert number.update(friendly_name="front desk").friendly_name == "front desk"
    assert number.fetch().sms_url == hooks.base + "/sms"


def withdraws(client, message):
    send_at = datetime.datetime.now(datetime.timezone.utc) + HOUR
    later = client.messages.create(
        to=PHONE, messaging_service_sid=SERVICE, body="later", schedule_type="fixed", send_at=send_at)
    assert (later.status, later.num_segments) == ("scheduled", "0")
    assert later.update(status="canceled").status == "canceled"
    assert message.update(body="").body == ""
    assert message.delete() and refused(lambda: client.messages(message.sid).fetch()) == (404, 20404)


def is_refused(client, base, account):
    assert refused(lambda: client.messages.create(to="+1206", from_=OURS, body="x")) == (400, 21211)
    assert refused(lambda: client.messages.create(to=PHONE, from_=PHONE, body="x")) == (400, 21266)
    assert refused(lambda: client.messages.create(to="+12065550109", from_=OURS, body="x")) == (400, 21610)
    stranger = Client(account, "wrong", http_client=Sandbox(base))
    assert refused(lambda: stranger.messages("SM" + "0" * 32).fetch()) == (401, 20003)


def receives(client, hooks, base, account):
    said = control(base, "/sandbox/say", {"from": PHONE, "to": OURS, "body": "hello 😀", "account": account})
    path, params, valid = hooks.wait()
    assert valid and path == "/sms" and params["Body"] == "hello 😀" and params["SmsStatus"] == "received"
    reply = client.messages(said["replies"][0]).fetch()
    assert (reply.body, reply.direction) == ("Tom & Jerry", "outbound-reply")
    control(base, "/sandbox/say", {"from": PHONE, "to": OURS, "body": "STOP", "account": account})
    assert hooks.wait()[2]
    assert refused(lambda: client.messages.create(to=PHONE, from_=OURS, body="x")) == (400, 21610)


if __name__ == "__main__":
    main(os.environ["SANDBOX_URL"])
