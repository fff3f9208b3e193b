"""What the schemas want and what a database holds, compared catalogue with catalogue, and written as migrations."""
