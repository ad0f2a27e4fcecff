// A relayed subscription that follows its colony. It has no answer but its frames, so that a host
// which is not home says so in the first one: then, as with a call, it is opened once more.

import { decodePayload } from '../node/model/envelope.ts';

export interface Followed {
  /** Told of each frame that is for the client. */
  readonly frame: (text: string) => void;
  /** Told once when the other side ended it. */
  readonly ended: () => void;
}

/**
 * Opens it at whichever host is home; `denied`: not at one that has said that it is not. Undefined
 * when nobody knows the colony.
 */
export type OpenOnce = (denied: boolean, to: Followed) => Promise<(() => void) | undefined>;

const MISDIRECTED = 421;

/** Whether a frame is the refusal of a host that is not home of the colony. */
const isMisdirected = (frame: string): boolean => {
  if (!frame.includes('"error":true')) return false;
  const payload = /"payload":"([A-Za-z0-9+/=]*)"/.exec(frame)?.[1] ?? '';
  return decodePayload(payload).includes(`"status":${MISDIRECTED},`);
};

/**
 * Opens a subscription and gives what ends it. When it cannot be opened a second time the client
 * gets the first refusal, and `lost` is told, with what the opening threw: nothing is open any more.
 */
export const openFollowing = async (
  open: OpenOnce,
  { frame, ended }: Followed,
  lost: (error?: unknown) => void,
): Promise<(() => void) | undefined> => {
  let isOver = false;
  let current: (() => void) | undefined;
  const stop = (): void => {
    current?.();
    current = undefined;
  };
  const follow = (refusal: string): void => {
    stop();
    const refuse = (error?: unknown): void => {
      if (!isOver) frame(refusal);
      lost(error);
    };
    attempt(true).then((isOpen) => isOpen || refuse(), refuse);
  };
  const attempt = async (denied: boolean): Promise<boolean> => {
    let isFirst = !denied;
    let isMoved = false;
    const opened = await open(denied, {
      frame: (text) => {
        isMoved = isFirst && isMisdirected(text);
        isFirst = false;
        if (isMoved) follow(text);
        else if (!isOver) frame(text);
      },
      ended: () => {
        if (!isMoved && !isOver) ended();
      },
    });
    if (isOver || isMoved) opened?.();
    else current = opened;
    return opened !== undefined;
  };
  if (!(await attempt(false))) return undefined;
  return () => {
    isOver = true;
    stop();
  };
};
