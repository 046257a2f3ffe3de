/** A budget of bytes under way: decoded bodies and answers of all requests, for the process and for each tenant or key with a limit. */
import type { ByteAccount } from '../../exchange/contract.ts';
import type { CallerKey, Settings } from '../../settings/settings.ts';

/** A name whose requests have a limit of their own. */
export interface ByteScope {
  readonly name: string;
  readonly bytesMax: number;
}

export const bytesInFlightDefault = 512 * 2 ** 20;
const noScopes: readonly ByteScope[] = [];

/** Counts the bytes under way in this process, and refuses what exceeds `bytesMax`. */
export class ByteBudget {
  /** Bytes under way. */
  used = 0;
  /** How often bytes were refused, since the start. */
  refusals = 0;
  readonly #bytesMax: () => number;
  readonly #byScope = new Map<string, number>();

  constructor(bytesMax: () => number) {
    this.#bytesMax = bytesMax;
  }

  /** An account of nothing yet, for one request. */
  open(scopes: readonly ByteScope[] = noScopes): RequestBytes {
    return new RequestBytes(this, scopes);
  }

  /** Undefined when the bytes are taken; else whose limit they would exceed, and nothing is taken. */
  take(bytes: number, scopes: readonly ByteScope[]): 'process' | 'caller' | undefined {
    const isOver = (scope: ByteScope): boolean => this.usedBy(scope.name) + bytes > scope.bytesMax;
    const refused = this.used + bytes > this.#bytesMax() ? 'process' : scopes.length > 0 && scopes.some(isOver) ? 'caller' : undefined;
    if (refused) this.refusals += 1;
    else this.#add(bytes, scopes);
    return refused;
  }

  give(bytes: number, scopes: readonly ByteScope[]): void {
    this.#add(-bytes, scopes);
  }

  usedBy(name: string): number {
    return this.#byScope.get(name) ?? 0;
  }

  /** Why the next large request may be refused; undefined below nine tenths. */
  warning(): string | undefined {
    if (this.used < 0.9 * this.#bytesMax()) return undefined;
    return `bodies and answers under way hold ${Math.round(this.used / 2 ** 20)} MiB of server.bytes_in_flight: further ones get 503 overloaded`;
  }

  #add(bytes: number, scopes: readonly ByteScope[]): void {
    this.used += bytes;
    for (const { name } of scopes) {
      const sum = this.usedBy(name) + bytes;
      if (sum === 0) this.#byScope.delete(name);
      else this.#byScope.set(name, sum);
    }
  }
}

/** The bytes of one request, given back when the last of its holders has let go. */
export class RequestBytes implements ByteAccount {
  readonly #budget: ByteBudget;
  readonly #scopes: readonly ByteScope[];
  #bytes = 0;
  #holders = 1;

  constructor(budget: ByteBudget, scopes: readonly ByteScope[]) {
    this.#budget = budget;
    this.#scopes = scopes;
  }

  take(bytes: number): 'process' | 'caller' | undefined {
    // What comes after the last holder is nobody's, and is dropped by who gets it.
    if (this.#holders === 0) return undefined;
    const refused = this.#budget.take(bytes, this.#scopes);
    if (!refused) this.#bytes += bytes;
    return refused;
  }

  hold(): void {
    if (this.#holders > 0) this.#holders += 1;
  }

  release(): void {
    if (this.#holders === 0 || --this.#holders > 0) return;
    this.#budget.give(this.#bytes, this.#scopes);
  }
}

/** The limits of a caller's tenant and key; few have one. */
export function byteScopesOf({ tenants }: Pick<Settings, 'tenants'>, { name, tenant, bytesInFlight }: CallerKey): readonly ByteScope[] {
  const ofTenant = tenants.get(tenant)?.bytesInFlight;
  if (ofTenant === undefined && bytesInFlight === undefined) return noScopes;
  return [
    ...(ofTenant === undefined ? [] : [{ name: `tenant ${tenant}`, bytesMax: ofTenant }]),
    ...(bytesInFlight === undefined ? [] : [{ name: `key ${name}`, bytesMax: bytesInFlight }]),
  ];
}
