// The package's main export: the client, the worker loop, keys and types. Runs in Node.js and in
// browsers; it loads neither the HTTP server, the store nor the overlay.

export {
  type CallOptions,
  type Client,
  type ClientOptions,
  makeClient,
  type PollOptions,
} from './api/client/client.ts';
export type { Courier, Letter } from './api/client/courier.ts';
export type { Sign } from './api/client/envelopes.ts';
export { ColoniesError, type ErrorCode } from './api/client/error.ts';
export { generateKey } from './api/client/key.ts';
export type { MessageOf, ReplyOf } from './api/client/messages.ts';
export type { Exchange, ServerAddress, Transport } from './api/client/transport.ts';
export { type Run, type WorkContext, type WorkOptions, work } from './api/client/worker.ts';
export {
  type AttachedClient,
  type ColonyHost,
  type ConnectOptions,
  connect,
} from './attach/connect.ts';
export type { Wire, WireReply, WireRequest } from './attach/wire.ts';
export { idOfKey } from './node/crypto/keys.ts';
export type { Attribute } from './node/model/attribute.ts';
export { ATTRIBUTE_TYPE } from './node/model/attribute.ts';
export type { Colony } from './node/model/colony.ts';
export { EXECUTOR_STATE, type Executor } from './node/model/executor.ts';
export type { FunctionRecord } from './node/model/function.ts';
export type { LogEntry } from './node/model/log.ts';
export { isFinal, type Process, STATE } from './node/model/process.ts';
export type { FunctionSpec } from './node/model/spec.ts';
export type { Statistics } from './node/model/statistics.ts';
export type { User } from './node/model/user.ts';
