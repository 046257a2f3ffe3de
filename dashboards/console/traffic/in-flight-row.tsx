/** A request that is being answered, above those that are finished. */
import { Dot } from '../parts/outcome.tsx';
import { duration } from '../text/format.ts';
import type { InFlight } from './exchanges.ts';

export function InFlightRow({ request, isNarrow }: { readonly request: InFlight; readonly isNarrow: boolean }) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: it stands among rows that no table element allows
    // biome-ignore lint/a11y/useFocusableInteractive: there is nothing to open yet
    <div role="row" className={`traffic-row pending ${isNarrow ? 'narrow' : ''}`}>
      {/* biome-ignore lint/a11y/useSemanticElements: see above */}
      <span role="cell" className="row">
        <Dot tone="live" />
        <span className="muted nowrap">in flight</span>
        <b className="cut">{request.route}</b>
        <span className="cut muted grow">
          asked for {request.requested_model}
          {request.stream ? ', streamed' : ''}
          {request.user === '' ? '' : `, by ${request.user}`}
        </span>
        <span className="nowrap">{duration(request.age_ms)}</span>
      </span>
    </div>
  );
}
