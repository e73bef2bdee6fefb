/** What we use of noVNC (its docs/API.md), which comes without types. */
declare module '@novnc/novnc' {
  export default class RFB extends EventTarget {
    constructor(target: HTMLElement, url: string, options?: { wsProtocols?: string[] });
    scaleViewport: boolean;
    background: string;
    focus(): void;
    sendCtrlAltDel(): void;
  }
}
