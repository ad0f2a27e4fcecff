// What the command line says when a call does not get through.

import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TEST_CERTIFICATE, TEST_KEY } from '../support/certificate.ts';
import { runIn, startWorld, type World } from './world.ts';

const KEY = '0000000000000000000000000000000000000000000000000000000000000001';

const listen = (server: Server | TlsServer): Promise<number> =>
  new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });

/** A port where nothing listens. */
const freePort = async (): Promise<number> => {
  const server = createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
};

const ask = (port: number, ...more: string[]) =>
  runIn('/nowhere', ['user', 'ls', '--host', '127.0.0.1', '--port', String(port), ...more], {
    env: { COLONIES_PRVKEY: KEY, COLONIES_COLONY_NAME: 'dev' },
  });

describe('a server that does not answer', () => {
  it('is named, with what to do next, and the exit code is 255', async () => {
    const port = await freePort();
    const { code, out, err } = await ask(port, '--insecure');
    expect({ code, out }).toEqual({ code: 255, out: '' });
    expect(err).toContain(`msg="cannot reach http://127.0.0.1:${port}: connection refused"`);
    expect(err).toContain('colonies dev');
    expect((await ask(port, '--insecure', '--json')).out).toBe('');
  });

  it('is told apart from a name that does not exist', async () => {
    const { err } = await runIn('/nowhere', ['server', 'status', '--host', 'nowhere.invalid']);
    expect(err).toMatch(/no such host|cannot be looked up/);
  });
});

describe('a server that answers something else', () => {
  let server: Server;
  let port: number;
  beforeAll(async () => {
    server = createServer((_, response) => response.end('<html>hello</html>'));
    port = await listen(server);
  });
  afterAll(() => server.close());

  it('is not taken for a Colonies server', async () => {
    const { code, err } = await ask(port, '--insecure');
    expect(code).toBe(255);
    expect(err).toContain('Expected a valid Colonies RPC message, but got this');
    expect(err).toContain('it is not a Colonies server');
    const alive = await runIn('/nowhere', ['server', 'alive', '--check', '--port', String(port)]);
    expect(alive.code).toBe(255);
  });

  it('with plain HTTP makes the command advise --insecure', async () => {
    const { code, err } = await ask(port);
    expect(code).toBe(255);
    expect(err).toContain('the server does not speak TLS');
    expect(err).toContain('--insecure');
  });
});

describe('a refusal', () => {
  let w: World;
  beforeAll(async () => {
    w = await startWorld();
  });
  afterAll(() => w.stop());

  it('is the text of the server with build facts and what to do, exit code 255', async () => {
    const { code, err } = await w.run(`user ls --prvkey ${KEY}`, { env: w.executorEnv });
    expect(code).toBe(255);
    expect(err).toMatch(
      /level=error msg="Access denied, not a member of Colony with name <dev>" BuildTime=\S* BuildVersion=\d\S*\n\S+ level=info msg="Another key may do this: [^\n]*\n$/,
    );
  });

  it('in the words of 2022 carries the text a second time', async () => {
    const { err } = await w.run(`runtime approve --runtimeid ${'0'.repeat(64)}`);
    expect(err).toMatch(/level=error msg="runtime is nil" .*err="runtime is nil"\n/);
    expect(err).toMatch(/level=info msg="The server knows no such runtime: look at the id\."\n$/);
  });

  it('of a malformed key comes before any call', async () => {
    const { code, err } = await w.run('user ls --prvkey xyz');
    expect(code).toBe(255);
    expect(err).toContain('msg="Failed to generate signature: ');
    expect(err).toContain('A private key is 64 hex digits');
  });
});

describe('a certificate that nobody vouches for', () => {
  it('is refused with advice, and accepted with --skip-tls-verify', async () => {
    const server = createTlsServer({ key: TEST_KEY, cert: TEST_CERTIFICATE }, (_, response) =>
      response.end('not colonies'),
    );
    const port = await listen(server);
    const refused = await ask(port);
    expect(refused.code).toBe(255);
    expect(refused.err).toContain('certificate refused');
    expect(refused.err).toContain('--skip-tls-verify');
    const accepted = await ask(port, '--skip-tls-verify');
    expect(accepted.err).toContain('Expected a valid Colonies RPC message');
    const plain = await ask(port, '--insecure');
    expect(plain.code).toBe(255);
    expect(plain.err).toContain('COLONIES_TLS=true');
    const bootstrap = ['--bootstrap', `https://127.0.0.1:${port}`];
    const found = await runIn('/nowhere', ['federation', 'resolve', 'a'.repeat(64), ...bootstrap]);
    expect([found.code, found.err]).toEqual([255, expect.stringContaining('--skip-tls-verify')]);
    server.close();
  });
});
