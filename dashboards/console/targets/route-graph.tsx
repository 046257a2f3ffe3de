/** Each route as the way of its requests: steps in their order, what lets an answer through, variants and shadows beside. */
import { Link } from '@tanstack/react-router';
import { Fragment } from 'react';
import type { AnswerOf } from '../api/client.ts';
import { Icon } from '../parts/icons.tsx';
import { Badge } from '../parts/outcome.tsx';
import { percent } from '../text/format.ts';

type Route = AnswerOf<'listRoutes'>['data'][number];

/** One line a route. */
export function RouteGraph({ routes }: { readonly routes: readonly Route[] }) {
  return (
    <ul className="routes">
      {routes.map(route => (
        <li key={route.name}>
          <span className="route-name">
            <Link to="/traffic" search={{ route: route.name }}>
              {route.name}
            </Link>
            {route.certified && <Badge tone="good">certified</Badge>}
            {route.strategy !== null && <Badge>{route.strategy}</Badge>}
          </span>
          <ol className="steps">
            {route.steps.map(({ target, accept }, i) => (
              <Fragment key={`${i} ${target}`}>
                {i > 0 && (
                  <li className="arrow" aria-hidden="true">
                    <Icon name="right" />
                  </li>
                )}
                <li className="step">
                  <b>{target}</b>
                  <small>{acceptText(accept)}</small>
                </li>
              </Fragment>
            ))}
          </ol>
          {route.variants.length > 0 && (
            <span className="muted">
              {route.variants
                .map(variant => `${percent(variant.share, 0)} to ${variant.route}${variant.rolls_out ? ', rolled out in stages' : ''}`)
                .join('; ')}
              {route.flag !== null && `; flag ${route.flag}`}
            </span>
          )}
          {route.shadows !== null && <span className="muted">shadowed: {JSON.stringify(route.shadows)}</span>}
        </li>
      ))}
    </ul>
  );
}

function acceptText(accept: unknown): string {
  if (accept === null || typeof accept !== 'object') return 'keeps every answer';
  const { signal, atLeast } = accept as { readonly signal?: unknown; readonly atLeast?: unknown };
  return typeof signal === 'string' ? `keeps from ${signal.replaceAll('_', ' ')} ${String(atLeast)}` : `keeps by ${JSON.stringify(accept)}`;
}
