/** The whole router and fleet as a model: commands in any order, and no rule broken by any of them. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RoutePolicy } from '../../../gateway/core/routing/router.ts';
import type { Failure } from '../../../gateway/core/shared/failure.ts';
import type { Signals } from '../../../gateway/core/signals/names.ts';
import { anyPolicy, failure, signals } from '../../arbitraries.ts';
import { isLong, longTimeout, runs } from '../../runs.ts';
import { FleetModel } from './fleet-model.ts';

/** What is known of it without looking: how many came in. The rules are the city's own, tried at each thing that happens. */
interface Model {
  arrived: number;
}
type Command = fc.Command<Model, FleetModel>;

class Arrive implements Command {
  readonly policy: RoutePolicy;
  readonly tenant: string;

  constructor(policy: RoutePolicy, tenant: string) {
    this.policy = policy;
    this.tenant = tenant;
  }

  check = (): boolean => true;

  run(model: Model, city: FleetModel): void {
    model.arrived++;
    city.addRequest(this.policy, this.tenant);
    expect(city.requests).toHaveLength(model.arrived);
  }

  toString = (): string => `arrive(${this.tenant}, ${JSON.stringify(this.policy)})`;
}

/** Anything but an arrival, which needs somebody to have come. */
class Happens implements Command {
  readonly said: string;
  readonly happen: (city: FleetModel) => void;

  constructor(said: string, happen: (city: FleetModel) => void) {
    this.said = said;
    this.happen = happen;
  }

  check = ({ arrived }: Readonly<Model>): boolean => arrived > 0;

  run(_: Model, city: FleetModel): void {
    this.happen(city);
  }

  toString = (): string => this.said;
}

const nth = fc.nat(40);
const tenants = fc.constantFrom('acme', 'acme', 'acme', 'zeta', 'omega');
const overloaded: Failure = { kind: 'overloaded', message: 'busy', status: 529 };
const happens = (said: string, happen: (city: FleetModel) => void): Happens => new Happens(said, happen);

const commandsOver = (policies: fc.Arbitrary<RoutePolicy>): fc.Arbitrary<Iterable<Command>> =>
  fc.commands<Model, FleetModel>(
    [
      fc.tuple(policies, tenants).map(([policy, tenant]) => new Arrive(policy, tenant)),
      fc.tuple(policies, tenants).map(([policy, tenant]) => new Arrive(policy, tenant)),
      fc.tuple(policies, tenants).map(([policy, tenant]) => new Arrive(policy, tenant)),
      fc.integer({ min: 1, max: 900 }).map(ms => happens(`pass(${ms})`, city => city.advance(ms))),
      fc.integer({ min: 1_000, max: 15_000 }).map(ms => happens(`pass(${ms})`, city => city.advance(ms))),
      nth.map(n => happens(`open(${n})`, city => city.openAttempt(n))),
      nth.map(n => happens(`release(${n})`, city => city.releaseAttempt(n))),
      fc
        .tuple(nth, signals)
        .map(([n, told]: [number, Signals]) => happens(`answer(${n}, ${JSON.stringify(told)})`, city => city.answerAttempt(n, told))),
      fc
        .tuple(nth, failure, fc.boolean())
        .map(([n, told, isPlain]) =>
          happens(`fail(${n}, ${JSON.stringify(told)}, ${isPlain})`, city => city.failAttempt(n, told, isPlain)),
        ),
      // So that breakers open.
      nth.map(n => happens(`overload(${n})`, city => city.failAttempt(n, overloaded, false))),
      nth.map(n => happens(`overload(${n})`, city => city.failAttempt(n, overloaded, false))),
      nth.map(n => happens(`leave(${n})`, city => city.cancelRequest(n))),
      fc
        .record({ a: fc.constantFrom(60, 300), c: fc.constantFrom(30, 60, 6_000) }, { requiredKeys: [] })
        .map(rpm => happens(`configure(${JSON.stringify(rpm)})`, city => city.configure(rpm))),
    ],
    { maxCommands: isLong ? 300 : 120, size: 'max' },
  );

/** A few routes that many share, as in a gateway: only then do breakers open and queues fill. */
const shared = fc.array(anyPolicy, { minLength: 1, maxLength: 3 });

describe('the router and the fleet', { timeout: longTimeout }, () => {
  test('keep every rule at every step, whatever comes in whatever order, with every feature on', () => {
    let [asked, open, queued] = [0, 0, 0];
    fc.assert(
      fc.property(
        shared.chain(policies => commandsOver(fc.constantFrom(...policies))),
        commands => {
          const city = new FleetModel();
          fc.modelRun(() => ({ model: { arrived: 0 }, real: city }), commands);
          city.finish();
          asked += city.observations.filter(({ type }) => type === 'asked').length;
          open += [...city.fleet.health.values()].filter(({ circuitOpenUntil }) => circuitOpenUntil > 0).length;
          queued += city.requests.filter(({ commands: seen }) => seen.some(({ type }) => type === 'queue')).length;
        },
      ),
      runs(150, 1_500),
    );
    // A property about what never happens holds nothing.
    expect(asked).toBeGreaterThan(1_000);
    expect(open).toBeGreaterThan(5);
    expect(queued).toBeGreaterThan(5);
  });
});
