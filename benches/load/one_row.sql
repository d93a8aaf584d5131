INSERT INTO one_row (body) VALUES ('one row, one commit');
