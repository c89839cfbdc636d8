import { importCorpus } from './corpus.ts';

importCorpus(3, 3);
