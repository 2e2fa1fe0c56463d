// The one door to WebSockets: RPC and direct replication take what they need from here.

import { createWebSocketStream, WebSocket, WebSocketServer } from 'ws'

export { createWebSocketStream, WebSocket, WebSocketServer }
