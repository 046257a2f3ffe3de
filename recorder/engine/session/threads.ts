/**
 * How the threads of the process's pool are shared. Each native call holds one, and files and names are read with the same pool, so that without
 * shares of their own the busiest client would keep rows from being recorded.
 */

/** The owner of a call: the recorder itself, or a client with the writer's key. Readers have a gate of their own. */
export type Gate = 'recording' | 'writer';

/** What the recorder's process is started with. */
export const threadPoolSize = 9;

const size = Number(process.env.UV_THREADPOOL_SIZE) || 4;
const isRoomy = size >= threadPoolSize;

/** `spare` stands in for readers' calls that do not end. One thread is left for files. */
/** In a pool of Node's own size, as where the engine runs in a test's process, nothing stands in for readers' calls that do not end. */
export const threadShares = isRoomy ? { recording: 2, writer: 2, readers: 2, spare: 2 } : { recording: 1, writer: 2, readers: 2, spare: 0 };
