// An HTTP proxy in front of a node that a test can make misbehave: alter replies, drop connections,
// redirect.

import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface BadProxy {
  readonly url: string;
  /** Where to forward to. */
  to(url: string): void;
  /** What happens to requests of a path from now on; undefined forwards as they are. */
  onPath(path: string, how: 'drop' | 'redirect' | ((body: string) => string) | undefined): void;
  /** Paths that were asked for. */
  readonly seen: string[];
  close(): Promise<void>;
}

/** Starts a proxy on a free port. */
export const startProxy = async (): Promise<BadProxy> => {
  let target = '';
  const hows = new Map<string, 'drop' | 'redirect' | ((body: string) => string)>();
  const seen: string[] = [];
  const server = createServer((incoming, outgoing) => {
    const path = (incoming.url ?? '').split('?')[0] ?? '';
    seen.push(path);
    const how = hows.get(path);
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
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
            const body = Buffer.concat(parts).toString('utf8');
            const changed = Buffer.from(how ? how(body) : body);
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
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
