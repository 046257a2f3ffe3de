/** Tenants with their projects and users. */
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { query } from '../api/queries.ts';
import { Loaded } from '../parts/feedback.tsx';
import { Panel } from '../parts/panel.tsx';
import { ScrollX } from '../parts/scroll-x.tsx';
import { capsText } from './keys.tsx';

/** One row a tenant. */
export function Tenants() {
  const tenants = useQuery(query('listTenants', { query: { limit: 1_000 } }));
  return (
    <Panel title="Tenants" isTight>
      <Loaded query={tenants}>
        {({ data }) => (
          <ScrollX>
            <table className="grid-table">
              <thead>
                <tr>
                  <th scope="col">Tenant</th>
                  <th scope="col">May call</th>
                  <th scope="col">Budget and limits</th>
                  <th scope="col">Kept for</th>
                  <th scope="col">Projects and users</th>
                </tr>
              </thead>
              <tbody>
                {data.map(tenant => (
                  <tr key={tenant.name}>
                    <td>
                      <Link to="/traffic" search={{ tenant: tenant.name }}>
                        <b>{tenant.name}</b>
                      </Link>
                    </td>
                    <td>{tenant.routes?.join(', ') ?? <span className="muted">everything</span>}</td>
                    <td>{capsText(tenant) || <span className="muted">none</span>}</td>
                    <td>
                      {tenant.retention ? (
                        `records ${tenant.retention.records ?? '–'} days, payloads ${tenant.retention.payloads ?? '–'} days`
                      ) : (
                        <span className="muted">as the recorder says</span>
                      )}
                    </td>
                    <td>
                      {[...Object.entries(tenant.projects), ...Object.entries(tenant.users)].map(([name, caps]) => (
                        <div key={name}>
                          {name} <span className="muted">{capsText(caps)}</span>
                        </div>
                      ))}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </ScrollX>
        )}
      </Loaded>
    </Panel>
  );
}
