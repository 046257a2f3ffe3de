/** Idle connections outlive those who may still send on them. */
import { expect, test } from 'vitest';
import { createEdge, edgeLimits } from '../../../gateway/http/edge.ts';

test('an idle connection is kept longer than load balancers keep theirs, so that no request meets a closing one', () => {
  const loadBalancerIdleMs = 60_000;
  expect(createEdge(edgeLimits).keepAliveTimeout).toBeGreaterThan(loadBalancerIdleMs);
});
