INSERT INTO shop_author (name) VALUES ('a'), ('b'), ('c');
INSERT INTO shop_book (title, pages, price, author_id) VALUES ('one', 10, 1.50, 1), ('two', NULL, NULL, 2);
