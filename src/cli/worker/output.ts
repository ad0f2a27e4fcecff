// Where the output of a child goes while it runs: the worker's own output, a log file, the server's
// log, and the text that is sent at the end. Each is bounded or slows the child down.

import { createWriteStream, type WriteStream } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import { LIMITS } from '../../node/limits.ts';

export interface OutputSinks {
  /** Writes bytes to the worker's own output; settles when it can take more. */
  readonly echo: (piece: Uint8Array) => Promise<void>;
  /** Appended to when given; made with the first output. */
  readonly file: string | undefined;
  /** Takes text for the server's log; settles when it can take more. Never rejects. */
  readonly send: (text: string) => Promise<void>;
}

export interface Output {
  /** Takes the next piece. Never rejects. */
  write(piece: Buffer): Promise<void>;
  /**
   * Ends the file and gives the text. `cut` tells how many characters at its beginning are missing.
   */
  end(): Promise<{ readonly text: string; readonly cut: number; readonly problem?: Error }>;
}

// The last `max` characters of what was added.
const makeTail = (max: number) => {
  const parts: string[] = [];
  let length = 0;
  let cut = 0;
  return {
    add: (text: string): void => {
      parts.push(text);
      length += text.length;
      while (length - (parts[0]?.length ?? 0) >= max) {
        const gone = parts.shift()?.length ?? 0;
        length -= gone;
        cut += gone;
      }
    },
    end: (): { text: string; cut: number } => {
      const all = parts.join('');
      const text = all.slice(Math.max(0, all.length - max));
      return { text, cut: cut + all.length - text.length };
    },
  };
};

const ended = (stream: WriteStream): Promise<void> =>
  new Promise((resolve) => stream.end(() => resolve()));

/** The outputs of one process. Bytes are passed on as they are; the text drops NUL bytes. */
export const makeOutput = (sinks: OutputSinks, max: number = LIMITS.workerOutputMax): Output => {
  const decoder = new StringDecoder('utf8');
  const tail = makeTail(max);
  let file: WriteStream | undefined;
  let problem: Error | undefined;

  const append = (piece: Buffer): Promise<void> => {
    if (sinks.file === undefined || problem !== undefined) return Promise.resolve();
    file ??= createWriteStream(sinks.file, { flags: 'a', mode: 0o644 }).on('error', (error) => {
      // A full disk must not end the work: the text still goes to the server, and `end` tells.
      problem = error;
    });
    const stream = file;
    return new Promise((resolve) => stream.write(piece, () => resolve()));
  };

  const take = async (text: string): Promise<void> => {
    if (text === '') return;
    tail.add(text);
    await sinks.send(text);
  };

  const plain = (text: string): string => text.replaceAll('\0', '');

  return {
    write: async (piece) => {
      await Promise.all([sinks.echo(piece), append(piece), take(plain(decoder.write(piece)))]);
    },
    end: async () => {
      await take(plain(decoder.end()));
      if (file !== undefined && problem === undefined) await ended(file);
      return { ...tail.end(), ...(problem === undefined ? {} : { problem }) };
    },
  };
};
