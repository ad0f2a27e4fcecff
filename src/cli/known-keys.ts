// The well-known identities of development servers. Their private keys stand in public
// documentation:
// whatever trusts them belongs to everybody.

export interface KnownIdentity {
  readonly id: string;
  readonly prvkey: string;
}

export const KNOWN_SERVER: KnownIdentity = {
  id: '039231c7644e04b6895471dd5335cf332681c54e27f81fac54f9067b3f2c0103',
  prvkey: 'fcc79953d8a751bf41db661592dc34d30004b1a651ffa0725b03ac227641499d',
};

export const KNOWN_COLONY: KnownIdentity = {
  id: '4787a5071856a4acf702b2ffcea422e3237a679c681314113d86139461290cf4',
  prvkey: 'ba949fa134981372d6da62b6a56f336ab4d843b22c02a4257dcf7d0d73097514',
};

/** The runtime `cli` of 2022 and the user `myuser` of today. */
export const KNOWN_MEMBER: KnownIdentity = {
  id: '3fc05cf3df4b494e95d6a3d297a34f19938f7daa7422ab0d4f794454133341ac',
  prvkey: 'ddf7f7791208083b6a9ed975a72684f6406a269cfa36f1b1c32045c0a71fff05',
};

/** Whether an id belongs to a key that everybody has. */
export const isKnownId = (id: string): boolean =>
  [KNOWN_SERVER, KNOWN_COLONY, KNOWN_MEMBER].some((known) => known.id === id);

/** Whether only this machine can reach a host to listen on. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);

type Variables = readonly (readonly [name: string, value: string])[];

/** Variables as the lines that a shell reads. */
export const exportLines = (variables: Variables): string =>
  variables.map(([name, value]) => `export ${name}="${value}"\n`).join('');

/** The nine variables of 2022, as `examples/devenv` has them. */
export const variables2022 = (host: string, port: number): Variables => [
  ['COLONIES_SERVER_PROTOCOL', 'http'],
  ['COLONIES_SERVER_HOST', host],
  ['COLONIES_SERVER_PORT', String(port)],
  ['COLONIES_SERVERID', KNOWN_SERVER.id],
  ['COLONIES_SERVERPRVKEY', KNOWN_SERVER.prvkey],
  ['COLONIES_COLONYID', KNOWN_COLONY.id],
  ['COLONIES_COLONYPRVKEY', KNOWN_COLONY.prvkey],
  ['COLONIES_RUNTIMEID', KNOWN_MEMBER.id],
  ['COLONIES_RUNTIMEPRVKEY', KNOWN_MEMBER.prvkey],
];

/** What the SDKs of today read beside host and port. */
export const variablesToday = (colonyname: string): Variables => [
  ['COLONIES_TLS', 'false'],
  ['COLONIES_SERVER_TLS', 'false'],
  ['COLONIES_SERVER_ID', KNOWN_SERVER.id],
  ['COLONIES_SERVER_PRVKEY', KNOWN_SERVER.prvkey],
  ['COLONIES_COLONY_NAME', colonyname],
  ['COLONIES_COLONY_PRVKEY', KNOWN_COLONY.prvkey],
  ['COLONIES_ID', KNOWN_MEMBER.id],
  ['COLONIES_PRVKEY', KNOWN_MEMBER.prvkey],
];
