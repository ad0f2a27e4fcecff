// Known answers that every engine must give before it may serve: made with the reference engine and
// libsecp256k1, which agree. Recoveries include high-S twins, wrapped r, infinity and bad ranges.

interface KnownRecovery {
  readonly why: string;
  readonly digest: string;
  readonly r: string;
  readonly s: string;
  readonly v: number;
  /** Coordinates of the public key; empty when there is none. */
  readonly x: string;
  readonly y: string;
}

interface KnownSignature {
  readonly key: string;
  readonly digest: string;
  readonly r: string;
  readonly s: string;
  readonly v: number;
}

const DIGEST = '3338be694f50c5f338814986cdf0686453a888b84f424d792af4b9202398f392';
const R = 'e713a1bb015fecabb5a084b0fe6d6e7271fca6f79525a634183cfdb175fe6924';
const S = '1f4da161779d8e6b761200e1cf93766010a19072fa778f9643363e2cfadd6409';
const SIGNER_X = '58d9f552e9794ad73bd4ab77dfe1c7509542ab3121991e20233955f8fc79c266';
const SIGNER_Y = 'fd55390ddf3b3309417c78c9ebe2b572dfdf0b2f8eb4b468a6e19176a5f2b1c7';

export const KNOWN_RECOVERIES: readonly KnownRecovery[] = [
  {
    why: 'a good signature',
    digest: DIGEST,
    r: R,
    s: S,
    v: 0,
    x: SIGNER_X,
    y: SIGNER_Y,
  },
  {
    why: 'the other recovery id gives another key',
    digest: DIGEST,
    r: R,
    s: S,
    v: 1,
    x: 'b9cb59d475f132d9c87a18214dcbba5c3c13388049e1237673710a17c1a0cc3c',
    y: '373c1af8d6a2191e4d626ce609c9f0cfebbea1c9ab851c6e7d933d85a2866718',
  },
  {
    why: 'its high-S twin gives the same key',
    digest: DIGEST,
    r: R,
    s: 'e0b25e9e8862719489edff1e306c899eaa0d4c73b4d110a57c9c205fd558dd38',
    v: 1,
    x: SIGNER_X,
    y: SIGNER_Y,
  },
  {
    why: 'R wrapped around the order, even',
    digest: DIGEST,
    r: '0000000000000000000000000000000000000000000000000000000000000002',
    s: S,
    v: 2,
    x: '1df9213c2a1d976cf76adf4732b2c80e3562f6677962dac35ca5daf7ed885845',
    y: 'dbd2b288ab67bc1cc0ee061af3333ac6561e3eb713900334d3e5138f434d3b36',
  },
  {
    why: 'R wrapped around the order, odd',
    digest: DIGEST,
    r: '0000000000000000000000000000000000000000000000000000000000000002',
    s: S,
    v: 3,
    x: 'bb69db0e8a4a1abf49ba7305a05040257d297e31b1310a5fb353d590bc043515',
    y: '3cfdfe844e68fcf53518a674a7b53db140e31f705140eba80d56ba8cca592df7',
  },
  {
    why: 'the same small r without wrapping',
    digest: DIGEST,
    r: '0000000000000000000000000000000000000000000000000000000000000002',
    s: S,
    v: 0,
    x: '92dca6644e63d6a9553dfb7d331e99354f99145dfccbbfa8384f7f9fd8d3258a',
    y: '7fb04e5e0f57a7a2c1db9488f456a03cc9bb0e6988ce7d623936bc90e58d1973',
  },
  {
    why: 'nearly the largest r that can wrap',
    digest: DIGEST,
    r: '000000000000000000000000000000014551231950b75fc4402da1722fc9baeb',
    s: S,
    v: 2,
    x: 'a1546f8242aac07fe1cb320b79b3ef42719257eb70f082e43ab57bf844d1fd8f',
    y: '862315ec73226578aad5471c1cce309e9b034c135eb8158f9fefe0f8200cb8fb',
  },
  {
    why: 'an r that cannot wrap',
    digest: DIGEST,
    r: '000000000000000000000000000000014551231950b75fc4402da1722fc9baee',
    s: S,
    v: 2,
    x: '',
    y: '',
  },
  {
    why: 'r of a good signature cannot wrap',
    digest: DIGEST,
    r: R,
    s: S,
    v: 2,
    x: '',
    y: '',
  },
  {
    why: 'no point has this x',
    digest: DIGEST,
    r: '0000000000000000000000000000000000000000000000000000000000000005',
    s: S,
    v: 0,
    x: '',
    y: '',
  },
  {
    why: 'r is 0',
    digest: DIGEST,
    r: '0000000000000000000000000000000000000000000000000000000000000000',
    s: S,
    v: 0,
    x: '',
    y: '',
  },
  {
    why: 's is 0',
    digest: DIGEST,
    r: R,
    s: '0000000000000000000000000000000000000000000000000000000000000000',
    v: 0,
    x: '',
    y: '',
  },
  {
    why: 'r is the order',
    digest: DIGEST,
    r: 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141',
    s: S,
    v: 0,
    x: '',
    y: '',
  },
  {
    why: 's is the order',
    digest: DIGEST,
    r: R,
    s: 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141',
    v: 0,
    x: '',
    y: '',
  },
  {
    why: 'r is the order and 1',
    digest: DIGEST,
    r: 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364142',
    s: S,
    v: 0,
    x: '',
    y: '',
  },
  {
    why: 'r is the largest number',
    digest: DIGEST,
    r: 'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
    s: S,
    v: 0,
    x: '',
    y: '',
  },
  {
    why: 's is 1',
    digest: DIGEST,
    r: R,
    s: '0000000000000000000000000000000000000000000000000000000000000001',
    v: 0,
    x: '424a4658ace9a9161365d0c658f6126dd8fe9863309b13a457aa10aca5e4e643',
    y: '98656ea7d3b2fe89245ef209f99ec6d349e958f90b94d8158ab25d6ec28becac',
  },
  {
    why: 's is the order less 1',
    digest: DIGEST,
    r: R,
    s: 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140',
    v: 1,
    x: '424a4658ace9a9161365d0c658f6126dd8fe9863309b13a457aa10aca5e4e643',
    y: '98656ea7d3b2fe89245ef209f99ec6d349e958f90b94d8158ab25d6ec28becac',
  },
  {
    why: 'a digest of 0',
    digest: '0000000000000000000000000000000000000000000000000000000000000000',
    r: R,
    s: S,
    v: 0,
    x: '015cb2e1a332c35928ae302b946b423480dfe0ea28b382042eff855154a2e514',
    y: '4f5f2060b19475904757db6c5ad8c7144e2a08fa0cc9c43efc073007a738fbe1',
  },
  {
    why: 'a digest of the order counts as 0',
    digest: 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141',
    r: R,
    s: S,
    v: 0,
    x: '015cb2e1a332c35928ae302b946b423480dfe0ea28b382042eff855154a2e514',
    y: '4f5f2060b19475904757db6c5ad8c7144e2a08fa0cc9c43efc073007a738fbe1',
  },
  {
    why: 'the largest digest',
    digest: 'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
    r: R,
    s: S,
    v: 0,
    x: '57a7c5554bf8cbe582b43ca1e65fef6641eefe3597c0d95593b99e151485155c',
    y: 'c3efdb918d8d056fec7ceb39c255aeba35ab3be543a95652baf2375384732599',
  },
  {
    why: 'the key is the point at infinity',
    digest: DIGEST,
    r: '99c126da20397558f23658764c3a7c583db7ff706e93981cc170e27ca8336201',
    s: 'f8ea39087dabd804a834c9630b6abd7c7f07b4e18091da948a6260f8f66202ec',
    v: 0,
    x: '',
    y: '',
  },
];

/** Deterministic signatures: r, s and v of a digest by a key. */
export const KNOWN_SIGNATURES: readonly KnownSignature[] = [
  {
    key: 'd6eb959e9aec2e6fdc44b5862b269e987b8a4d6f2baca542d8acaa97ee5e74f6',
    digest: DIGEST,
    r: 'e713a1bb015fecabb5a084b0fe6d6e7271fca6f79525a634183cfdb175fe6924',
    s: '1f4da161779d8e6b761200e1cf93766010a19072fa778f9643363e2cfadd6409',
    v: 0,
  },
  {
    key: '0000000000000000000000000000000000000000000000000000000000000001',
    digest: DIGEST,
    r: '24ea2d66a639d2b8c973094911a1b5d9ccdb6ee48d94487ecda2407edbbf6f45',
    s: '13bed23538ec23b13926dc510694564e20639fc4edea1c6c02558d8d2dd24d8c',
    v: 1,
  },
  {
    key: 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140',
    digest: '0000000000000000000000000000000000000000000000000000000000000000',
    r: '919026f3e239ea52cf530eb6d345dc2b56ef0928f1e9ad20d8f360284dc65048',
    s: '14395e7137e2204f15b69239010f3c34fbb3c858a29b0d106b1fa65bc0047263',
    v: 0,
  },
  {
    key: '6d2fb6f546bacfd98c68769e61e0b44a697a30596c018a50e28200aa59b01c0a',
    digest: '36f028580bb02cc8272a9a020f4200e346e276ae664e45ee80745574e2f5ab80',
    r: 'fd9735ad1476ad2e10fbe535a5249a9703b8294918c3360122aa09c070cd425a',
    s: '6a82de09753b469de2de7970fbfc06b56a16c6efc2d588bf1e26c856ff368aac',
    v: 1,
  },
];

/** Verifications by the signer's key. */
export const KNOWN_VERDICTS: readonly { why: string; r: string; s: string; good: boolean }[] = [
  { why: 'a good signature', r: R, s: S, good: true },
  { why: 'another s', r: R, s: R, good: false },
  {
    why: 'a high-S twin',
    r: R,
    s: 'e0b25e9e8862719489edff1e306c899eaa0d4c73b4d110a57c9c205fd558dd38',
    good: false,
  },
  { why: 'r is 0', r: '0'.repeat(64), s: S, good: false },
];

export const KNOWN_DIGEST = DIGEST;
export const KNOWN_SIGNER = `04${SIGNER_X}${SIGNER_Y}`;
