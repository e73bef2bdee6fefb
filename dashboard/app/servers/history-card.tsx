import { Empty, Loaded } from '../parts/loaded.tsx';
import { Card } from '../parts/page.tsx';
import { Table } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import { type InstanceAction, useInstanceActions } from './queries.ts';
import { isMoving, type Server } from './server.ts';

/** What was asked of the server, when, and what it came to. */
export function HistoryCard({ server }: { server: Server }) {
  const query = useInstanceActions(server.id, isMoving(server));
  return (
    <Card title="History">
      <Loaded query={query} what="the history">
        {(actions) =>
          actions.length === 0 ? (
            <Empty title="Nothing was asked of it yet" />
          ) : (
            <Table
              label="History"
              items={actions}
              keyOf={(action) => `${action.request_id} ${action.action}`}
              columns={[
                { title: 'Action', cell: (action) => action.action },
                { title: 'When', cell: (action) => <Time at={action.start_time} /> },
                { title: 'Outcome', cell: (action) => outcomeOf(action, action === actions[0] && isMoving(server)) },
                { title: 'Request', cell: (action) => <code>{action.request_id}</code> },
              ]}
            />
          )
        }
      </Loaded>
    </Card>
  );
}

/** The API tells of failures only; what is not the latest any more is over. */
function outcomeOf({ message }: InstanceAction, isUnderWay: boolean) {
  if (message !== null) return <span className="bad-text">{message}</span>;
  return isUnderWay ? 'under way' : 'done';
}
