// One kept-alive connection that speaks just enough HTTP to load a server: one request at a time,
// replies with a length. Cheap, so that the load generator is not what is measured.

import { once } from 'node:events';
import { connect } from 'node:net';

const HEAD_END = '\r\n\r\n';
const LENGTH = /\r\ncontent-length: (\d+)/i;

/**
 * @typedef {object} Line
 * @property {(body: string) => Promise<{ status: number, text: string }>} post `text`: the reply's body.
 * @property {() => void} close
 */

/**
 * @param {number} port
 * @returns {Promise<Line>}
 */
export const openLine = async (port) => {
  const socket = connect(port, '127.0.0.1');
  socket.setNoDelay(true);
  socket.setEncoding('latin1');
  let text = '';
  /** @type {{ resolve: Function, reject: Function } | undefined} */
  let waiting;
  const take = () => {
    const headEnd = text.indexOf(HEAD_END);
    if (headEnd < 0) return;
    const from = headEnd + HEAD_END.length;
    const length = Number(LENGTH.exec(text.slice(0, headEnd))?.[1] ?? 0);
    if (text.length < from + length) return;
    const reply = { status: Number(text.slice(9, 12)), text: text.slice(from, from + length) };
    text = text.slice(from + length);
    waiting?.resolve(reply);
  };
  socket.on('data', (more) => {
    text += more;
    take();
  });
  const fail = () => waiting?.reject(new Error('the server closed the connection'));
  socket.on('close', fail);
  await once(socket, 'connect');
  socket.on('error', fail);
  return {
    post: (body) =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        socket.write(
          `POST /api HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
        );
      }),
    close: () => {
      waiting = undefined;
      socket.destroy();
    },
  };
};
