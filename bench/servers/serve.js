/** What every server under measurement tells the bench: its port, and its CPU time whenever it is asked. */

/** @param {number} port */
export function serve(port) {
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send?.({ cpu: user + system });
  });
  process.on('disconnect', () => process.exit());
  process.send?.({ port });
}
