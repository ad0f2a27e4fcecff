// Attributes of processes: set by the assigned executor, read by members.

import { attributeId, isId } from '../crypto/ids.ts';
import { fault } from '../errors.ts';
import type { Limits } from '../limits.ts';
import { ATTRIBUTE_TYPE, type AttributeRow } from '../model/attribute.ts';
import { type ProcessRow, STATE } from '../model/process.ts';
import { keys } from '../store/keys.ts';
import { processTable } from '../store/tables/processes.ts';
import type { Attributes, FoundAttribute } from './engine.ts';
import type { Lifecycle } from './lifecycle.ts';
import { findProcess, liveOf } from './lookup.ts';
import type { State } from './state.ts';

const envAttribute = (p: ProcessRow, id: string): AttributeRow | undefined => {
  for (const [key, value] of Object.entries(p.spec.env)) {
    for (const type of [ATTRIBUTE_TYPE.env, 4]) {
      if (attributeId(p.id, key, type) === id) return { id, type, key, value };
    }
  }
  return undefined;
};

const find = (state: State, attributeid: string): FoundAttribute | undefined => {
  if (!isId(attributeid)) return undefined;
  const processid = state.store.get(keys.attribute(attributeid));
  const process = processid === undefined ? undefined : findProcess(state, processid);
  if (!process) return undefined;
  const attribute =
    process.attributes.find(({ id }) => id === attributeid) ?? envAttribute(process, attributeid);
  return attribute ? { attribute, process } : undefined;
};

const check = (p: ProcessRow, caller: string, afterwards: boolean): void => {
  const open = p.state === STATE.running || (afterwards && p.state >= STATE.success);
  if (!open) {
    throw fault('forbidden', 'Failed to add attribute, process is not running', {
      reason: 'not-running',
    });
  }
  if (p.executorid !== caller) {
    throw fault(
      'forbidden',
      `Failed to add attribute, only executor with id <${p.executorid}> is allowed to set attributes`,
      { reason: 'caller' },
    );
  }
};

const write = async (state: State, lifecycle: Lifecycle, next: ProcessRow, id: string) => {
  const found = liveOf(state, next.id);
  if (!found) {
    await state.store.write((w) => {
      processTable.amended(w, next);
      processTable.attributed(w, id, next.id);
    });
    return;
  }
  await lifecycle.tell(found.colony, found.live, { attributes: next.attributes }, (w) =>
    processTable.attributed(w, id, next.id),
  );
};

const checkRoom = (attributes: readonly AttributeRow[], limits: Limits): void => {
  const size = attributes.reduce((sum, { key, value }) => sum + key.length + value.length, 0);
  if (attributes.length <= limits.attributesPerProcessMax && size <= limits.attributeTextMax)
    return;
  throw fault(
    'too-large',
    `Failed to add attribute, a process holds at most ${limits.attributesPerProcessMax} attributes and ${limits.attributeTextMax} characters of them`,
  );
};

/** Makes the attributes part of the engine. */
export const makeAttributes = (state: State, lifecycle: Lifecycle): Attributes => ({
  find: (attributeid) => find(state, attributeid),
  add: async (asked, caller, wanted, upsert = false) => {
    state.store.admit();
    const p = findProcess(state, asked.id);
    if (!p || !state.colonies.has(p.colony))
      throw fault('not-found', 'Failed to add attribute, process not found');
    check(p, caller, upsert);
    const id = attributeId(p.id, wanted.key, wanted.type);
    const taken = p.attributes.some((a) => a.id === id) || envAttribute(p, id) !== undefined;
    if (taken && !upsert) {
      throw fault(
        'conflict',
        `Failed to add attribute, an attribute with key ${wanted.key} and type ${wanted.type} already exists`,
        { reason: 'duplicate' },
      );
    }
    const attribute: AttributeRow = { id, ...wanted };
    const next = { ...p, attributes: [...p.attributes.filter((a) => a.id !== id), attribute] };
    checkRoom(next.attributes, state.limits);
    await write(state, lifecycle, next, id);
    return { attribute, process: next };
  },
});
