// Which network addresses a node agrees to connect to, as pure functions of the address policy.
// Used for multiaddresses and for URLs alike, always on the numeric address that is connected to,
// never on a name. It must not resolve or connect.

import { BlockList, isIP } from 'node:net';

export const ADDRESS_POLICIES = ['test', 'lan', 'public'] as const;

/** `public`: the open internet only. `lan`: private networks too. `test`: loopback too. */
export type AddressPolicy = (typeof ADDRESS_POLICIES)[number];

/** What kind of place a numeric address is. */
export type AddressKind =
  | 'loopback'
  | 'private'
  | 'link-local'
  | 'metadata'
  | 'reserved'
  | 'public';

type Range = readonly [net: string, bits: number];

const blockList = (ranges: readonly Range[]): BlockList => {
  const list = new BlockList();
  for (const [net, bits] of ranges) list.addSubnet(net, bits, isIP(net) === 6 ? 'ipv6' : 'ipv4');
  return list;
};

// Services that hand out credentials to whoever asks from the machine (cloud instance metadata).
const METADATA = blockList([
  ['169.254.169.254', 32],
  ['169.254.170.2', 32],
  ['100.100.100.200', 32],
  ['192.0.0.192', 32],
  ['fd00:ec2::254', 128],
]);
const LOOPBACK = blockList([
  ['127.0.0.0', 8],
  ['::1', 128],
]);
const LINK_LOCAL = blockList([
  ['169.254.0.0', 16],
  ['fe80::', 10],
]);
const PRIVATE = blockList([
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['100.64.0.0', 10],
  ['fc00::', 7],
]);
// Not for single hosts, or not for the internet (IANA special-purpose registries).
const RESERVED = blockList([
  ['0.0.0.0', 8],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['3fff::', 20],
]);
const GLOBAL_UNICAST_6 = blockList([['2000::', 3]]);

/** The eight 16-bit groups of an IPv6 address, an embedded dotted quad included. */
const groupsOf = (ip: string): number[] => {
  const plain = ip.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_all, a, b, c, d) => {
    const hex = (high: string, low: string): string =>
      (Number(high) * 256 + Number(low)).toString(16);
    return `${hex(a, b)}:${hex(c, d)}`;
  });
  const [head = '', tail] = plain.split('::');
  const parse = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const left = parse(head);
  if (tail === undefined) return left;
  const right = parse(tail);
  return [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right];
};

const quad = (high: number, low: number): string =>
  `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;

/** The IPv4 address inside an IPv6 one: mapped, compatible, NAT64 or 6to4; undefined for others. */
const embedded = (ip: string): string | undefined => {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = groupsOf(ip);
  const zeroTo = (count: number): boolean => [a, b, c, d, e].slice(0, count).every((x) => x === 0);
  if (zeroTo(5) && f === 0xffff) return quad(g, h);
  if (zeroTo(4) && e === 0xffff && f === 0) return quad(g, h);
  if (zeroTo(5) && f === 0 && (g !== 0 || h > 1)) return quad(g, h);
  if (a === 0x64 && b === 0xff9b) return quad(g, h);
  if (a === 0x2002) return quad(b, c);
  return undefined;
};

/**
 * What kind of place `ip` (IPv4 or IPv6 text, a zone is ignored) is; undefined when it is no
 * address. An IPv6 address that carries an IPv4 one is judged by that one.
 */
export const addressKind = (ip: string): AddressKind | undefined => {
  const bare = ip.replace(/%.*$/, '');
  const version = isIP(bare);
  if (version === 0) return undefined;
  const family = version === 6 ? 'ipv6' : 'ipv4';
  if (METADATA.check(bare, family)) return 'metadata';
  if (LOOPBACK.check(bare, family)) return 'loopback';
  if (version === 6) {
    const inner = embedded(bare);
    if (inner !== undefined) return addressKind(inner);
  }
  if (LINK_LOCAL.check(bare, family)) return 'link-local';
  if (PRIVATE.check(bare, family)) return 'private';
  if (RESERVED.check(bare, family)) return 'reserved';
  if (version === 6 && !GLOBAL_UNICAST_6.check(bare, 'ipv6')) return 'reserved';
  return 'public';
};

/**
 * Whether a stranger may name this port: web ports and unprivileged ones, never another service's.
 */
export const permittedPort = (port: number): boolean =>
  port === 80 || port === 443 || (port >= 1024 && port <= 65_535);

export interface PolicyOptions {
  /** Whether this node itself listens on loopback only, so that its peers live on this machine. */
  readonly onLoopback?: boolean;
}

/**
 * Why `policy` forbids connecting to `ip`, or undefined when it permits it. No policy permits
 * metadata services or reserved addresses; `lan` reaches loopback only when it lives there itself.
 */
export const forbidden = (
  policy: AddressPolicy,
  ip: string,
  options: PolicyOptions = {},
): string | undefined => {
  const kind = addressKind(ip);
  if (kind === undefined) return 'not a numeric address';
  if (kind === 'public') return undefined;
  if (kind === 'metadata' || kind === 'reserved') return `${kind} address`;
  if (policy === 'public') return `${kind} address under the policy public`;
  if (policy === 'test') return kind === 'link-local' ? 'link-local address' : undefined;
  if (kind === 'private') return undefined;
  if (kind === 'loopback' && options.onLoopback === true) return undefined;
  return `${kind} address under the policy lan`;
};
