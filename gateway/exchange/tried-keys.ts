/** The provider keys that failed a request, and whether another one may be tried at once. */
import type { Failure, FailureKind } from '../core/shared/failure.ts';
import type { ExecutionEnvironment } from './contract.ts';

/** What one key is refused for, another may get: 401, 402, 403, 429. */
const keyLevel: readonly FailureKind[] = ['authentication', 'quota-exceeded', 'permission', 'rate-limited'];

/** Of one request, by target. */
export class TriedKeys {
  readonly #environment: Pick<ExecutionEnvironment, 'hasOtherKey'>;
  readonly #tokens: number;
  readonly #byTarget = new Map<string, Set<string>>();

  constructor(environment: Pick<ExecutionEnvironment, 'hasOtherKey'>, tokens: number) {
    this.#environment = environment;
    this.#tokens = tokens;
  }

  /** Fingerprints of the keys that failed at this target; undefined when none did. */
  at(target: string): ReadonlySet<string> | undefined {
    return this.#byTarget.get(target);
  }

  /** Notes an attempt's failure; true when its key is to blame and the account has another one that is ready. */
  failed(
    { command: { target }, credential }: { readonly command: { readonly target: string }; readonly credential: string },
    { kind }: Failure,
  ): boolean {
    if (credential === '' || !keyLevel.includes(kind) || !this.#environment.hasOtherKey) return false;
    const tried = (this.#byTarget.get(target) ?? new Set()).add(credential);
    this.#byTarget.set(target, tried);
    return this.#environment.hasOtherKey(target, this.#tokens, tried);
  }
}
