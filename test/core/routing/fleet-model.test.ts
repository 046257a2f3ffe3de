/** Model-based test of router and target health: any order of commands, with every rule checked after each. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RoutePolicy } from '../../../gateway/core/routing/router.ts';
import type { Failure } from '../../../gateway/core/shared/failure.ts';
import type { Signals } from '../../../gateway/core/signals/names.ts';
import { anyPolicy, failure, signals } from '../../arbitraries.ts';
import { isLong, longTimeout, runs } from '../../runs.ts';
import { FleetModel } from './fleet-model.ts';

/** The model's own state: the number of arrivals. The rules are the simulation's, checked at every event. */
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

  run(model: Model, fleet: FleetModel): void {
    model.arrived++;
    fleet.addRequest(this.policy, this.tenant);
    expect(fleet.requests).toHaveLength(model.arrived);
  }

  toString = (): string => `arrive(${this.tenant}, ${JSON.stringify(this.policy)})`;
}

/** Any command except an arrival; it requires an earlier arrival. */
class FleetCommand implements Command {
  readonly description: string;
  readonly happen: (fleet: FleetModel) => void;

  constructor(description: string, happen: (fleet: FleetModel) => void) {
    this.description = description;
    this.happen = happen;
  }

  check = ({ arrived }: Readonly<Model>): boolean => arrived > 0;

  run(_: Model, fleet: FleetModel): void {
    this.happen(fleet);
  }

  toString = (): string => this.description;
}

const nth = fc.nat(40);
const tenants = fc.constantFrom('acme', 'acme', 'acme', 'zeta', 'omega');
const overloaded: Failure = { kind: 'overloaded', message: 'busy', status: 529 };
const command = (description: string, happen: (fleet: FleetModel) => void): FleetCommand => new FleetCommand(description, happen);

const commandsOver = (policies: fc.Arbitrary<RoutePolicy>): fc.Arbitrary<Iterable<Command>> =>
  fc.commands<Model, FleetModel>(
    [
      fc.tuple(policies, tenants).map(([policy, tenant]) => new Arrive(policy, tenant)),
      fc.tuple(policies, tenants).map(([policy, tenant]) => new Arrive(policy, tenant)),
      fc.tuple(policies, tenants).map(([policy, tenant]) => new Arrive(policy, tenant)),
      fc.integer({ min: 1, max: 900 }).map(ms => command(`pass(${ms})`, fleet => fleet.advance(ms))),
      fc.integer({ min: 1_000, max: 15_000 }).map(ms => command(`pass(${ms})`, fleet => fleet.advance(ms))),
      nth.map(n => command(`open(${n})`, fleet => fleet.openAttempt(n))),
      nth.map(n => command(`release(${n})`, fleet => fleet.releaseAttempt(n))),
      fc
        .tuple(nth, signals)
        .map(([n, outcome]: [number, Signals]) =>
          command(`answer(${n}, ${JSON.stringify(outcome)})`, fleet => fleet.answerAttempt(n, outcome)),
        ),
      fc
        .tuple(nth, failure, fc.boolean())
        .map(([n, outcome, isPlain]) =>
          command(`fail(${n}, ${JSON.stringify(outcome)}, ${isPlain})`, fleet => fleet.failAttempt(n, outcome, isPlain)),
        ),
      // So that circuits open.
      nth.map(n => command(`overload(${n})`, fleet => fleet.failAttempt(n, overloaded, false))),
      nth.map(n => command(`overload(${n})`, fleet => fleet.failAttempt(n, overloaded, false))),
      nth.map(n => command(`leave(${n})`, fleet => fleet.cancelRequest(n))),
      fc
        .record({ a: fc.constantFrom(60, 300), c: fc.constantFrom(30, 60, 6_000) }, { requiredKeys: [] })
        .map(rpm => command(`configure(${JSON.stringify(rpm)})`, fleet => fleet.configure(rpm))),
    ],
    { maxCommands: isLong ? 300 : 120, size: 'max' },
  );

/** A few routes shared by many requests, as in a gateway, because only then circuits open and queues fill. */
const shared = fc.array(anyPolicy, { minLength: 1, maxLength: 3 });

describe('the router with shared targets', { timeout: longTimeout }, () => {
  test('keeps every rule at every step, for any order of events, with every feature on', () => {
    let [attempts, open, queued] = [0, 0, 0];
    fc.assert(
      fc.property(
        shared.chain(policies => commandsOver(fc.constantFrom(...policies))),
        commands => {
          const fleet = new FleetModel();
          fc.modelRun(() => ({ model: { arrived: 0 }, real: fleet }), commands);
          fleet.finish();
          attempts += fleet.observations.filter(({ type }) => type === 'sent').length;
          open += [...fleet.fleet.health.values()].filter(({ circuitOpenUntil }) => circuitOpenUntil > 0).length;
          queued += fleet.requests.filter(({ commands: seen }) => seen.some(({ type }) => type === 'queue')).length;
        },
      ),
      runs(150, 1_500),
    );
    // Without enough events the property would be vacuous.
    expect(attempts).toBeGreaterThan(1_000);
    expect(open).toBeGreaterThan(5);
    expect(queued).toBeGreaterThan(5);
  });
});
