import { importCorpus } from './corpus.ts';

importCorpus(1, 3);
