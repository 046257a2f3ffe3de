/** Limits of connections: unauthenticated ones are closed for new ones, and readers have a limit of their own. */
import type { Socket } from 'node:net';
import { exceptions } from '../session/exception.ts';
import type { EngineAccount } from './authentication.ts';

/** They hold a few kilobytes each until their headers have come, for which they have seconds. */
const unknownMax = 128;
const readersMax = 256;

export class Connections {
  /** The oldest first. */
  readonly #unknown = new Set<Socket>();
  readonly #probes = new Set<Socket>();
  readonly #readers = new Set<Socket>();
  readonly #admitted = new WeakSet<Socket>();

  accept(socket: Socket): void {
    this.#unknown.add(socket);
    socket.once('close', () => {
      for (const group of [this.#unknown, this.#probes, this.#readers]) group.delete(socket);
    });
    endOldest(this.#unknown);
  }

  /** A health check is not half-sent, and is closed only for another health check. */
  probed(socket: Socket): void {
    if (!this.#unknown.delete(socket)) return;
    this.#probes.add(socket);
    endOldest(this.#probes);
  }

  /** Called after authentication; throws when the account has too many connections. */
  admit(socket: Socket, account: EngineAccount['name']): void {
    this.#unknown.delete(socket);
    this.#probes.delete(socket);
    // Whoever has shown the writer's key may use the connection for anything.
    if (account === 'writer') {
      this.#readers.delete(socket);
      this.#admitted.add(socket);
      return;
    }
    if (this.#admitted.has(socket) || this.#readers.has(socket)) return;
    if (this.#readers.size >= readersMax) throw exceptions.tooManyConnections(`Readers have more than ${readersMax} connections.`);
    this.#readers.add(socket);
  }
}

function endOldest(sockets: ReadonlySet<Socket>): void {
  if (sockets.size <= unknownMax) return;
  const [oldest] = sockets;
  oldest!.destroy();
}
