// Sends a file of any size as one message, from disk to disk. Each end has only a few parts of the file in memory.
//   node examples/upload.js                                    receives into uploads/
//   node examples/upload.js ws://localhost:8080 film.mp4       sends
import { createReadStream, createWriteStream, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { connect, WebSocketServer } from 'rfc6455';

const [url, file] = process.argv.slice(2);

if (url === undefined || file === undefined) {
  const folder = process.env.FOLDER ?? 'uploads';
  mkdirSync(folder, { recursive: true });
  let count = 0;

  const server = new WebSocketServer(
    {
      // The handler reads the message while the message arrives. If the disk is slow, the client must wait.
      async stream(connection, message) {
        const name = `${++count}.${message.isBinary ? 'bin' : 'txt'}`;
        await pipeline(message, createWriteStream(join(folder, name)));
        connection.send(`${name}: ${message.wireSize} bytes`);
      },
      error: (_connection, error) => console.error(error.message),
    },
    // 10 GiB. The limit can be large, because the `stream` handler does not need the whole message in memory.
    { maxStreamSize: 10 * 1024 ** 3 },
  );
  const { port } = await server.listen({ port: Number(process.env.PORT ?? 8080) });
  console.log(`listening on ws://localhost:${port}`);
  process.once('SIGINT', () => server.shutdown());
} else {
  const connection = await connect(url);
  // The file is read as fast as the server accepts the bytes. If `binary` is false, the message is a text message.
  await connection.sendStream(createReadStream(file), { binary: !file.endsWith('.txt') });
  for await (const answer of connection) {
    console.log(answer);
    break;
  }
}
