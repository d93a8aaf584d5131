"""The Python package `gql`: queries over HTTP, subscriptions over WebSocket on both of its socket libraries."""

import asyncio
import os
import pathlib
import re
import uuid

from gql import Client, gql
from gql.transport.aiohttp_websockets import AIOHTTPWebsocketsTransport
from gql.transport.exceptions import TransportQueryError
from gql.transport.httpx import HTTPXAsyncTransport
from gql.transport.websockets import WebsocketsTransport

URL = os.environ["SERVER_URL"] + "/graphql"
TOKEN = os.environ["TOKEN"]
ECHO = "+12065550108"
EXAMPLES = pathlib.Path(__file__).parent / "house/docs/examples"


def example(name, operation):
    """One operation of a file of docs/examples, as a GraphQLRequest."""
    request = gql((EXAMPLES / f"{name}.graphql").read_text())
    request.operation_name = operation
    return request


def with_values(request, **values):
    request.variable_values = values
    return request


async def query(http):
    answer = await http.execute(example("session", "SessionQuery"))
    assert re.match("org_", answer["viewer"]["organization"]["id"]), answer
    try:
        await http.execute(gql("{ __typename nonsense }"))
        raise AssertionError("was not refused")
    except TransportQueryError as error:
        assert error.errors[0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED", error.errors


async def send(http, to, body):
    values = {"to": {"phoneNumber": to}, "body": body, "idempotencyKey": str(uuid.uuid4())}
    answer = await http.execute(with_values(example("send", "SendMutation"), input=values))
    assert answer["sendMessage"]["userErrors"] == [], answer
    return answer["sendMessage"]["message"]["id"]


async def until_heard(http, statuses):
    """Texts go out until the subscription is in force and hears one."""
    heard = asyncio.ensure_future(anext(statuses))
    while not heard.done():
        await send(http, "+12065550100", "does anybody listen?")
        await asyncio.wait([heard], timeout=1)
    return heard.result()["messageStatusChanged"]["cursor"]


async def live(http, socket):
    follow = example("follow", "FollowSubscription")
    statuses = socket.subscribe(follow)
    cursor = await until_heard(http, statuses)
    message = await send(http, ECHO, "from Python")
    seen = []
    while "DELIVERED" not in seen:
        node = (await anext(statuses))["messageStatusChanged"]["node"]
        if node["id"] == message:
            seen.append(node["status"])
    assert seen[0] == "QUEUED" and len(set(seen)) == len(seen), seen
    await statuses.aclose()
    # A second subscription resumes behind the first cursor and is told the same again.
    replay, again = socket.subscribe(with_values(follow, after=cursor)), []
    while "DELIVERED" not in again:
        node = (await anext(replay))["messageStatusChanged"]["node"]
        if node["id"] == message:
            again.append(node["status"])
    assert again == seen, (again, seen)
    await replay.aclose()


def sockets():
    """Over aiohttp it offers the legacy subprotocol too. Over websockets it looks for the server's choice under one
    spelling of the header's name alone (gql 4.4.0), so there it is told what to speak."""
    address, init = URL.replace("http", "ws", 1), {"token": TOKEN}
    only = [WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL]
    yield AIOHTTPWebsocketsTransport(url=address, init_payload=init)
    yield WebsocketsTransport(url=address, init_payload=init, subprotocols=only)


async def main():
    http = HTTPXAsyncTransport(url=URL, headers={"Authorization": f"Bearer {TOKEN}"})
    # The client reads the schema by introspection and checks documents against it from here on.
    async with Client(transport=http, fetch_schema_from_transport=True) as asking:
        await query(Plain(http))
        for socket in sockets():
            async with Client(transport=socket) as living:
                await live(asking, living)
                assert socket.subprotocol == WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL
    print("the Python package gql asks and subscribes: all well")


class Plain:
    """Sends without the client's own check of documents, so that the server's answer is seen."""

    def __init__(self, transport):
        self.transport = transport

    async def execute(self, request):
        answer = await self.transport.execute(request)
        if answer.errors:
            raise TransportQueryError("refused", errors=answer.errors)
        return answer.data


if __name__ == "__main__":
    asyncio.run(asyncio.wait_for(main(), 60))
