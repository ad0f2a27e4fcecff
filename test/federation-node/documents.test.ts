// Records as they travel over HTTP, whatever kind of byte array holds them.

import { expect, test } from 'vitest';
import { readDocument, writeDocument } from '../../src/federation/documents.ts';
import { colonyRecord } from './nodes.ts';

test('bytes of every kind are written as base64', async () => {
  const buffer = Buffer.from(await colonyRecord('dev', []), 'base64');
  const plain = new Uint8Array(buffer);
  const written = writeDocument({ colony: buffer, servers: [buffer] });
  expect(written).toBe(writeDocument({ colony: plain, servers: [plain] }));
  expect(readDocument(written).map(({ kind }) => kind)).toEqual(['colony', 'colony']);
});
