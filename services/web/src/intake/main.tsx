import { start } from "../ui/start.tsx";
import { Intake } from "./intake.tsx";
import "../styles/base.css";
import "../styles/lists.css";
import "./intake.css";

void start("intake", () => <Intake />);
