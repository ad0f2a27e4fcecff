// An HTTP proxy in front of a node that a test can make misbehave: alter replies, drop connections,
// redirect.

import { createServer, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { Duplex } from 'node:stream';

export interface BadProxy {
  readonly url: string;
  /** Where to forward to. */
  to(url: string): void;
  /** What happens to requests of a path from now on; undefined forwards as they are. */
  onPath(path: string, how: 'drop' | 'redirect' | ((body: string) => string) | undefined): void;
  /** Paths that were asked for. */
  readonly seen: string[];
  /** Cuts all WebSockets. */
  cut(): void;
  /** What clients sent in frames of WebSockets since it was last asked for. */
  streamed(): Buffer;
  /** The last body that came for a path. */
  body(path: string): Buffer | undefined;
  close(): Promise<void>;
}

/** The contents of whole masked frames of a WebSocket, one after the other. */
const contentsOf = (bytes: Buffer): Buffer => {
  const contents: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const short = bytes.readUInt8(at + 1) & 0x7f;
    const head = short === 126 ? 4 : short === 127 ? 10 : 2;
    const length =
      short === 126
        ? bytes.readUInt16BE(at + 2)
        : short === 127
          ? Number(bytes.readBigUInt64BE(at + 2))
          : short;
    const mask = bytes.subarray(at + head, at + head + 4);
    const from = at + head + mask.length;
    at = from + length;
    contents.push(
      bytes.subarray(from, at).map((byte, i) => byte ^ (mask[i % 4] as number)) as Buffer,
    );
  }
  return Buffer.concat(contents);
};

/** Starts a proxy on a free port. */
export const startProxy = async (): Promise<BadProxy> => {
  let target = '';
  const hows = new Map<string, 'drop' | 'redirect' | ((body: string) => string)>();
  const seen: string[] = [];
  const bodies = new Map<string, Buffer>();
  const server = createServer((incoming, outgoing) => {
    const path = (incoming.url ?? '').split('?')[0] ?? '';
    seen.push(path);
    const how = hows.get(path);
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      bodies.set(path, Buffer.concat(chunks));
      if (how === 'drop') {
        incoming.socket.destroy();
        return;
      }
      if (how === 'redirect') {
        outgoing.writeHead(307, { location: `${target}${incoming.url}` }).end();
        return;
      }
      const { host: _host, ...headers } = incoming.headers;
      const forward = request(
        `${target}${incoming.url}`,
        { method: incoming.method, headers },
        (reply) => {
          const parts: Buffer[] = [];
          reply.on('data', (chunk: Buffer) => parts.push(chunk));
          reply.on('end', () => {
            const body = Buffer.concat(parts);
            const changed = how ? Buffer.from(how(body.toString('utf8'))) : body;
            const { 'content-length': _length, ...rest } = reply.headers;
            outgoing.writeHead(reply.statusCode ?? 500, rest).end(changed);
          });
        },
      );
      forward.on('error', () => incoming.socket.destroy());
      outgoing.on('close', () => forward.destroy());
      forward.end(Buffer.concat(chunks));
    });
  });
  // WebSockets pass as they are.
  const passing = new Set<Duplex>();
  const tapped: Buffer[] = [];
  server.on('upgrade', (incoming, socket, head) => {
    const path = incoming.url ?? '';
    seen.push(path);
    if (hows.get(path) === 'drop') {
      socket.destroy();
      return;
    }
    passing.add(socket);
    socket.on('close', () => passing.delete(socket));
    socket.on('data', (chunk: Buffer) => tapped.push(chunk));
    const { hostname, port } = new URL(target);
    const forward = connect(Number(port), hostname);
    const { method, url, rawHeaders } = incoming;
    const lines = rawHeaders.map((text, i) => (i % 2 === 0 ? `${text}: ` : `${text}\r\n`)).join('');
    forward.write(`${method} ${url} HTTP/1.1\r\n${lines}\r\n`);
    forward.write(head);
    socket.pipe(forward).pipe(socket);
    socket.on('error', () => forward.destroy());
    socket.on('close', () => forward.destroy());
    forward.on('error', () => socket.destroy());
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    to: (url) => {
      target = url;
    },
    onPath: (path, how) => {
      if (how === undefined) hows.delete(path);
      else hows.set(path, how);
    },
    seen,
    streamed: () => contentsOf(Buffer.concat(tapped.splice(0))),
    cut: () => {
      for (const socket of passing) socket.destroy();
    },
    body: (path) => bodies.get(path),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
