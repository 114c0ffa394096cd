"""A WebSocket peer on Debian's python3-websockets, driven by the lines that ../remote-end.ts describes.

One argument: the configuration as JSON. One connection, in either role; then the process ends.
"""

import asyncio
import base64
import json
import ssl
import sys
import threading

import websockets
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, ServerPerMessageDeflateFactory


def say(**event):
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def fields(message):
    if isinstance(message, str):
        return {"text": message}
    return {"base64": base64.b64encode(message).decode("ascii")}


def message_of(command):
    if "text" in command:
        return command["text"]
    return base64.b64decode(command["base64"])


def deflate_factory(factory, wishes):
    """Its extension, for what the configuration asks in the names of `ws`."""
    names = {
        "serverNoContextTakeover": "server_no_context_takeover",
        "clientNoContextTakeover": "client_no_context_takeover",
        "serverMaxWindowBits": "server_max_window_bits",
        "clientMaxWindowBits": "client_max_window_bits",
    }
    return factory(**{names[key]: value for key, value in wishes.items() if key in names})


def read_commands(loop):
    """Commands as they come on stdin; None at its end."""
    commands = asyncio.Queue()

    def read():
        for line in sys.stdin:
            loop.call_soon_threadsafe(commands.put_nowait, json.loads(line))
        loop.call_soon_threadsafe(commands.put_nowait, None)

    threading.Thread(target=read, daemon=True).start()
    return commands


async def report_pong(waiter, payload):
    await waiter
    say(event="pong", payload=payload)


async def obey(ws, commands, shutdown):
    background = set()
    while (command := await commands.get()) is not None:
        do = command["do"]
        if do == "send":
            await ws.send(message_of(command))
        elif do == "fragments":
            message, size = message_of(command), command["size"]
            parts = [message[at : at + size] for at in range(0, max(len(message), 1), size)]
            # The library sends each part without FIN, and then an empty frame with FIN.
            await ws.send(parts)
        elif do == "ping":
            payload = command["payload"]
            task = asyncio.create_task(report_pong(await ws.ping(payload.encode()), payload))
            background.add(task)
        elif do == "close":
            # close() waits for the peer, so it runs in the background.
            background.add(asyncio.create_task(ws.close(command.get("code", 1000), command.get("reason", ""))))
        elif do == "abort":
            ws.transport.abort()
        elif do == "shutdown":
            shutdown()
        else:
            raise ValueError(f"unknown command {do}")


async def converse(ws, commands, headers, shutdown):
    say(event="open", subprotocol=ws.subprotocol or "", headers={k.lower(): v for k, v in headers.raw_items()})
    obeying = asyncio.create_task(obey(ws, commands, shutdown))
    try:
        while True:
            say(event="message", **fields(await ws.recv()))
    except websockets.ConnectionClosed:
        pass
    await ws.wait_closed()
    say(event="closed", code=ws.close_code, reason=ws.close_reason)
    obeying.cancel()


async def main(config):
    commands = read_commands(asyncio.get_running_loop())
    options = {"subprotocols": config["subprotocols"] or None}
    if "maxMessageSize" in config:
        options["max_size"] = config["maxMessageSize"]
    if "compression" in config:
        is_client = config["role"] == "client"
        factory = ClientPerMessageDeflateFactory if is_client else ServerPerMessageDeflateFactory
        options["compression"] = None
        options["extensions"] = [deflate_factory(factory, config["compression"])]
    if config["role"] == "client":
        if "ca" in config:
            options["ssl"] = ssl.create_default_context(cafile=config["ca"])
        async with websockets.connect(
            config["url"], extra_headers=config.get("headers", {}), **options
        ) as ws:
            await converse(ws, commands, ws.response_headers, lambda: None)
        return

    if "cert" in config:
        options["ssl"] = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        options["ssl"].load_cert_chain(config["cert"], config["key"])
    done = asyncio.Event()

    async def serve(ws):
        # server.close sends a Close frame with 1001 to every client.
        await converse(ws, commands, ws.request_headers, server.close)
        done.set()

    server = await websockets.serve(serve, "127.0.0.1", 0, **options)
    say(event="listening", port=server.sockets[0].getsockname()[1])
    await done.wait()


asyncio.run(main(json.loads(sys.argv[1])))
