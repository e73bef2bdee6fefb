import { Component, type ReactNode } from 'react';

interface State {
  fault: Error | null;
}

/** Keeps a fault of one page from taking the rest along: the menu stays, and there is a way on. */
export class FaultBoundary extends Component<{ children: ReactNode }, State> {
  override state: State = { fault: null };

  static getDerivedStateFromError(fault: Error): State {
    return { fault };
  }

  override render() {
    const { fault } = this.state;
    if (!fault) return this.props.children;
    return (
      <main id="content" tabIndex={-1}>
        <div className="failure" role="alert">
          <strong>This page has a fault of its own</strong>
          <p className="failure-message">{fault.message}</p>
          <p className="quiet">Nothing in the cloud was changed by it.</p>
          <button type="button" className="button plain" onClick={() => this.setState({ fault: null })}>
            Try again
          </button>
        </div>
      </main>
    );
  }
}
