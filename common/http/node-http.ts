/**
 * Node's `http`. To import it directly would read every name that it exports, and so load the WebSocket and the fetch that
 * nobody here needs: 40 ms and 14 MB of every process. Types may be imported.
 */
export const { Agent, createServer, IncomingMessage, request } = process.getBuiltinModule('node:http');
