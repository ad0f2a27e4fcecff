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
  /** The last body that came for a path. */
  body(path: string): Buffer | undefined;
  close(): Promise<void>;
}

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
  server.on('upgrade', (incoming, socket, head) => {
    const path = incoming.url ?? '';
    seen.push(path);
    if (hows.get(path) === 'drop') {
      socket.destroy();
      return;
    }
    passing.add(socket);
    socket.on('close', () => passing.delete(socket));
    const { hostname, port } = new URL(target);
    const forward = connect(Number(port), hostname);
    const { method, url, rawHeaders } = incoming;
    const lines = rawHeaders.map((text, i) => (i % 2 === 0 ? `${text}: ` : `${text}\r\n`)).join('');
    forward.write(`${method} ${url} HTTP/1.1\r\n${lines}\r\n`);
    forward.write(head);
    socket.pipe(forward).pipe(socket);
    socket.on('error', () => forward.destroy());
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
