import { appendFileSync } from 'node:fs';
import { test } from 'vitest';
import { allCases } from '../../../conformance/cases.ts';
import { select } from '../../../conformance/case/select.ts';
import { faults } from './faults.ts';
import { correct } from './rules.ts';
import { faultedOf, hurried, tryClient, tryServer } from './run.ts';

test('explore', async () => {
  const only = process.env.ONLY;
  const cases = (process.env.CASES ?? '1,2,3,4,5,6,7,10,9.1.1,9.7.1,9.7.5,9.8.1,9.8.5,12.1.3,12.1.11,12.2.5,13.1.3,13.2.3,13.3.7,13.3.11,13.5.3,13.7.3').split(',');
  const all: any[] = [{ name: 'CORRECT', breaks: {}, fails: [] }, { name: 'CORRECT', role: 'client', breaks: {}, fails: [] }, ...faults];
  let next = 0;
  const lane = async () => {
    while (next < all.length) {
      const f = all[next++];
      if (only && !f.name.includes(only)) continue;
      const role = f.role ?? 'server';
      const chosen = select(allCases, role, { cases, exclude: (process.env.EXCLUDE ?? 'none').split(',') }).map(hurried);
      const t = Date.now();
      const results = await (role === 'server' ? tryServer : tryClient)({ ...correct, ...f.breaks }, chosen);
      const r = faultedOf(results);
      const many = r.failed.length > chosen.length - 5;
      appendFileSync('/tmp/explore.txt', `${f.name} [${role}] ${Date.now() - t} ms ${chosen.length}\n   F ${many ? `ALL but ${chosen.filter((c) => !r.failed.includes(c.id)).map((c) => c.id)}` : r.failed.join(' ')}\n   N ${r.tolerated.join(' ')}\n` + (f.name === 'CORRECT' || process.env.WHY ? results.filter((x) => !x.passed || x.behavior === 'NON-STRICT').map((x) => `     ${x.id} ${x.result} / ${x.resultClose}\n`).join('') : ''));
    }
  };
  await Promise.all([1, 2, 3, 4].map(lane));
}, 600000);
