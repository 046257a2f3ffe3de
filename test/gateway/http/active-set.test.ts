import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ActiveSet } from '../../../gateway/http/active-set.ts';

test('an active set holds what was added and not removed, in any order of removal', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constant('come'), fc.nat(20)), { maxLength: 200 }), acts => {
      const roster = new ActiveSet<{ readonly number: number }>();
      const here = new Map<object, () => void>();
      for (const [number, act] of acts.entries()) {
        if (act === 'come') {
          const member = { number };
          here.set(member, roster.add(member));
        } else {
          const [member, leave] = [...here][Number(act) % Math.max(1, here.size)] ?? [];
          if (!member || !leave) continue;
          here.delete(member);
          leave();
          // Leaving twice is leaving once.
          if (number % 2 === 0) leave();
        }
        expect(roster.size).toBe(here.size);
        expect(new Set(roster)).toEqual(new Set(here.keys()));
      }
    }),
  );
});

test('its places are used again', () => {
  const roster = new ActiveSet<object>();
  for (let i = 0; i < 1_000; i++) roster.add({})();
  expect(roster.size).toBe(0);
  expect([...roster]).toEqual([]);
});
