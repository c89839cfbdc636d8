import { importCorpus } from './corpus.ts';

importCorpus(2, 3);
