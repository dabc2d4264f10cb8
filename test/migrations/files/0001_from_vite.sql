create table from_vite (k integer);
