/** Tests the TLS options of the plugin, version 2: files, NONE, SYSTEM, PEM text, ciphers, and client certificates. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { clientMaterial, serverMaterial, type TlsSettings } from '../../../src/api/plugin/tls.ts';
import { ca, caFile, certificateFiles } from '../../peers/certificates.ts';
import { plainPeer } from '../../transport/servers.ts';
import { requestHead } from '../../transport/wire.ts';
import { clearSurfaces, V2 } from './support.ts';

afterEach(clearSurfaces);

const { cert: certFile, key: keyFile } = certificateFiles('localhost');
const files = { certFile, keyFile };

/** A certificate for a client, with the authority that issued it. */
const own = {
  certFile: certFile.replace('localhost', 'self-signed'),
  keyFile: keyFile.replace('localhost', 'self-signed'),
};
const ownPem = readFileSync(own.certFile, 'utf8');

async function secureServer(
  v2: V2,
  options: object = {},
): Promise<{ id: number; url: string; port: number }> {
  const { id, port } = await v2.startedServer({ tls: true, ...files, ...options });
  return { id, port, url: `wss://localhost:${port}/` };
}

async function start(v2: V2, URL: string, options: object): Promise<{ success: boolean; errorStr?: string }> {
  const { id } = v2.client({ URL, enableAutomaticReconnection: false, ...options });
  return v2.clientStart({ id });
}

describe('TLS options of a client', () => {
  test('plugin A0.7-3, A1.2-9, A1.7-10: the option caFile of a client is a path, PEM text, NONE or SYSTEM, and the default is SYSTEM', async () => {
    const v2 = new V2();
    const { url } = await secureServer(v2);
    expect(await start(v2, url, { caFile })).toMatchObject({ success: true });
    expect(await start(v2, url, { caFile: ca })).toMatchObject({ success: true });
    expect(await start(v2, url, { caFile: 'NONE' })).toMatchObject({ success: true });
    for (const options of [{}, { caFile: 'SYSTEM' }, { caFile: '' }]) {
      const status = await start(v2, url, options);
      expect(status.success).toBe(false);
      expect(status.errorStr).toMatch(/^Unable to connect to localhost on port \d+, error: .*certificate/i);
    }
    const missing = await start(v2, url, { caFile: '/nowhere/ca.pem' });
    expect(missing).toMatchObject({ success: false, errorStr: expect.stringContaining('ENOENT') });
  });

  test('plugin A0.7-7, C20: a client needs no option `tls` for its TLS options, and a command with any TLS option discards all earlier TLS options', async () => {
    const v2 = new V2();
    const { url } = await secureServer(v2);
    const { id } = v2.client({ URL: url, caFile, enableAutomaticReconnection: false });
    expect(await v2.clientStart({ id })).toMatchObject({ success: true });
    await v2.clientStop({ id });
    expect(await v2.clientStart({ id, ciphers: 'DEFAULT' })).toMatchObject({ success: false });
    expect(await v2.clientStart({ id, caFile })).toMatchObject({ success: true });
  });

  test('plugin A0.7-5: the option `tls` of a client has no effect, because the scheme of the URL decides', async () => {
    const v2 = new V2();
    const { url } = await v2.startedServer();
    expect(await start(v2, url, { tls: true })).toMatchObject({ success: true });
    const secure = await secureServer(v2);
    expect(await start(v2, secure.url, { tls: false, caFile })).toMatchObject({ success: true });
  });

  test('plugin A0.7-9, C22: if the URL has an IP address, a client looks for this address in the certificate, and a client supports TLS 1.3', async () => {
    const v2 = new V2();
    const { port } = await secureServer(v2);
    expect(await start(v2, `wss://127.0.0.1:${port}/`, { caFile })).toMatchObject({ success: true });
    const { minVersion } = (await clientMaterial({
      enabled: true,
      certFile: '',
      keyFile: '',
      caFile: '',
      ciphers: '',
    })) as { minVersion?: string };
    expect(minVersion).toBeUndefined();
  });
});

describe('TLS options of a server', () => {
  test('plugin A0.7-5, A0.7-7, C20: a server uses TLS only if `tls` is true; otherwise the server ignores certFile, keyFile and caFile', async () => {
    const v2 = new V2();
    for (const options of [files, { tls: false, ...files }]) {
      const { url } = await v2.startedServer(options);
      expect(await start(v2, url, {})).toMatchObject({ success: true });
    }
    const { id } = await secureServer(v2);
    await v2.serverStop({ id });
    const again = await v2.serverStart({ id, tls: false });
    expect(await start(v2, `ws://127.0.0.1:${again.port}/`, {})).toMatchObject({ success: true });
  });

  test('plugin A0.7-8, C21: a server requires a client certificate if caFile is set and is not NONE', async () => {
    const v2 = new V2();
    for (const options of [{}, { caFile: 'NONE' }]) {
      const { url } = await secureServer(v2, options);
      expect(await start(v2, url, { caFile })).toMatchObject({ success: true });
    }
    for (const options of [{ caFile: own.certFile }, { caFile: ownPem }]) {
      const { id, url } = await secureServer(v2, options);
      await start(v2, url, { caFile });
      // With TLS 1.3 a client does not notice a refusal during the handshake. So the test looks at the connections of the server.
      expect(v2.server({ id }).clients).toEqual([]);
      expect(await start(v2, url, { caFile, ...own })).toMatchObject({ success: true });
      expect(v2.server({ id }).clients).toHaveLength(1);
    }
    const { id, url } = await secureServer(v2, { caFile: 'SYSTEM' });
    await start(v2, url, { caFile, ...own });
    expect(v2.server({ id }).clients).toEqual([]);
  });

  test('plugin A0.7-1, A0.7-2: certFile and keyFile are paths, a server needs both of them, and start fails if a file is missing', async () => {
    const settings: TlsSettings = { enabled: true, certFile, keyFile: '', caFile: '', ciphers: '' };
    expect(await serverMaterial(settings)).toEqual({});
    expect(Object.keys(await serverMaterial({ ...settings, keyFile }))).toEqual(['cert', 'key']);
    const v2 = new V2();
    const { id } = v2.server({ port: 0, tls: true, certFile, keyFile: '/nowhere/key.pem' });
    expect(await v2.serverStart({ id })).toMatchObject({
      success: false,
      errorStr: expect.stringMatching(/^ENOENT: .*'\/nowhere\/key\.pem'$/),
    });
  });

  test('plugin A0.7-4: the ciphers "" and DEFAULT mean the built-in ciphers, and other values are passed to OpenSSL', async () => {
    const settings: TlsSettings = { enabled: true, certFile: '', keyFile: '', caFile: '', ciphers: '' };
    expect(await clientMaterial(settings)).toEqual({});
    expect(await clientMaterial({ ...settings, ciphers: 'DEFAULT' })).toEqual({});
    expect(await clientMaterial({ ...settings, ciphers: 'AES128-SHA' })).toEqual({ ciphers: 'AES128-SHA' });
    const v2 = new V2();
    const { url } = await secureServer(v2);
    const only = 'ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES256-GCM-SHA384:TLS_AES_256_GCM_SHA384';
    expect(await start(v2, url, { caFile, ciphers: only })).toMatchObject({ success: true });
    expect(await start(v2, url, { caFile, ciphers: 'no such cipher' })).toMatchObject({ success: false });
  });

  test('plugin A0.6-9: a server drops a client that does not begin TLS within handshakeTimeoutSecs, and meanwhile serves other clients', async () => {
    const v2 = new V2();
    const { port, url } = await secureServer(v2, { handshakeTimeoutSecs: 1 });
    const silent = plainPeer(port);
    expect(await start(v2, url, { caFile })).toMatchObject({ success: true });
    await silent.until(() => silent.ended || silent.closed);
    const plain = plainPeer(port).write(requestHead());
    await plain.until(() => plain.ended || plain.closed);
    silent.destroy();
    plain.destroy();
  });
});

test('with the caFile SYSTEM, a client trusts the CAs of Node; with a file as caFile, it trusts all CAs in the file', async () => {
  const settings: TlsSettings = { enabled: true, certFile: '', keyFile: '', caFile: 'SYSTEM', ciphers: '' };
  expect(await clientMaterial(settings)).toEqual({});
  const folder = mkdtempSync(join(tmpdir(), 'rfc6455-'));
  try {
    const file = join(folder, 'bundle.pem');
    writeFileSync(file, [...rootCertificates.slice(0, 3), ca].join('\n'));
    const v2 = new V2();
    const { url } = await secureServer(v2);
    expect(await start(v2, url, { caFile: file })).toMatchObject({ success: true });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
