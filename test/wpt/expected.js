/** Lists the files of the web platform tests that need a browser, and the subtests that fail on purpose. Each entry has its reason. */

/** Files that need a browser. The pattern matches their paths in websockets/. @type {readonly (readonly [RegExp, string])[]} */
export const needBrowser = [
  [/\.window\.js$/, 'navigates between documents'],
  [/^cookies\//, 'needs the cookies of a browser'],
  [/^unload-a-document\//, 'unloads a document'],
  [/^multi-globals\//, 'needs several documents'],
  [/^security\//, 'needs XMLHttpRequest, or the security policy of a page'],
  [/^stream\//, 'tests WebSocketStream, another class'],
  [/^Create-on-worker-shutdown/, 'starts a web worker from a blob: URL'],
  [/^Create-url-with-windows-1252/, 'depends on the encoding of a page'],
  [/^bufferedAmount-unchanged-by-sync-xhr/, 'needs XMLHttpRequest'],
  [/^mixed-content/, 'mixed content is a rule of pages'],
  [/^constructor\/016/, 'depends on the encoding of a page'],
  [
    /^constructor\/006\.|^interfaces\/WebSocket\/(?:events\/(?:003|007|008|009|019)|send\/010)\./,
    'needs a document',
  ],
  [/^opening-handshake\/003/, 'expects the Origin field of a page'],
];

/**
 * Subtests that fail on purpose. Maps the path in websockets/ and the subtest to a reason. @type {Readonly<Record<string,
 * Readonly<Record<string, string>>>>}
 */
export const expectedFailures = {
  'interfaces/WebSocket/events/018.html': {
    'open, message, error and close events':
      'the error event is an ErrorEvent, which says why the connection failed',
  },
  'constructor/014.html': {
    'WebSockets: serialize establish a connection':
      'connections to one host are opened at the same time: see O2 in docs/requirements.md',
  },
};
