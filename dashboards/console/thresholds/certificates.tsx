/** The certificates of routes' thresholds, and whether they hold. */
import { useQuery } from '@tanstack/react-query';
import { query } from '../api/queries.ts';
import { Loaded } from '../parts/feedback.tsx';
import { Badge } from '../parts/outcome.tsx';
import { Panel } from '../parts/panel.tsx';
import { ScrollX } from '../parts/scroll-x.tsx';
import { dateTime } from '../text/format.ts';

/** One row a certificate; nothing without certificates. */
export function Certificates() {
  const found = useQuery(query('listCertificates'));
  return (
    <Loaded query={found}>
      {({ data }) =>
        data.length === 0 ? null : (
          <Panel title="Certificates" isTight>
            <ScrollX>
              <table className="grid-table">
                <thead>
                  <tr>
                    <th scope="col">Route</th>
                    <th scope="col">State</th>
                    <th scope="col">Threshold</th>
                    <th scope="col">Issued</th>
                    <th scope="col">File</th>
                  </tr>
                </thead>
                <tbody>
                  {data.map(({ route, problem, thresholds, signal, issued_at, file }) => (
                    <tr key={route}>
                      <td>
                        <b>{route}</b>
                      </td>
                      <td>{problem === null ? <Badge tone="good">holds</Badge> : <span className="muted">{problem}</span>}</td>
                      <td>
                        {signal} {thresholds.join(', ')}
                      </td>
                      <td className="nowrap">{issued_at === null ? '–' : dateTime(issued_at)}</td>
                      <td className="mono">{file.split('/').at(-1)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </ScrollX>
          </Panel>
        )
      }
    </Loaded>
  );
}
